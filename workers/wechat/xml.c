#include "xml.h"

#include <libxml/parser.h>
#include <string.h>

xmlDoc *
xml_read(cr_slice_t text)
{
    xmlDoc *document = xmlReadMemory(text.text, (int)text.length, NULL, NULL,
                                     XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
    if (document && !document->intSubset && !document->extSubset && xmlDocGetRootElement(document))
        return document;
    xmlFreeDoc(document);
    return NULL;
}

/* To be freed with xmlFree; NULL when there is none. */
static xmlChar *
child_text(const xmlDoc *document, const char *name)
{
    const xmlNode *root = xmlDocGetRootElement(document);
    for (const xmlNode *node = root->children; node; node = node->next)
        if (node->type == XML_ELEMENT_NODE && strcmp((const char *)node->name, name) == 0)
            return xmlNodeGetContent(node);
    return NULL;
}

static bool
is_continuation(char c)
{
    return ((unsigned char)c & 0xC0) == 0x80;
}

bool
xml_child(const xmlDoc *document, const char *name, char *out, size_t size)
{
    xmlChar *text = child_text(document, name);
    out[0] = '\0';
    if (!text)
        return false;
    size_t length = strlen((const char *)text);
    if (length >= size) /* at the border of a character */
        for (length = size - 1; length > 0 && is_continuation((char)text[length]);)
            length--;
    memcpy(out, text, length);
    out[length] = '\0';
    xmlFree(text);
    return true;
}

cr_err_t
xml_append_child(const xmlDoc *document, const char *name, cr_str_t *out)
{
    xmlChar *text = child_text(document, name);
    if (!text)
        return CR_NOTFOUND;
    cr_str_append_text(out, (const char *)text);
    xmlFree(text);
    return cr_str_err(out);
}
