#include "unsubscribe.h"

#include <string.h>

#include "cr_text.h"

enum { PAGE_MAX = 4096 };

#define FORM                                                                                       \
    "<form method=\"post\"><input type=\"hidden\" name=\"List-Unsubscribe\" value=\"One-Click\">"  \
    "<button>退订 Unsubscribe</button></form>"

/* By the status of the answer; the last is for all others. */
static const struct {
    unsigned status;
    const char *chinese, *english, *rest;
} words[] = {
    {MHD_HTTP_OK, "已退订，今后不再向您的邮箱发送通知。",
     "You are unsubscribed: no more notices will be sent to this mailbox.", ""},
    {MHD_HTTP_FORBIDDEN, "链接无效。请从邮件中重新打开。",
     "This link is not valid. Please open it from the mail again.", ""},
    {MHD_HTTP_NOT_FOUND, "链接已过期。请从最近的邮件中打开。",
     "This link is too old. Please open the one in a newer mail.", ""},
    {0, "暂时无法处理，请稍后再试。", "This did not work now. Please try again later.", FORM},
};

static void
write_page(cr_str_t *out, const char *chinese, const char *english, const char *rest)
{
    cr_str_appendf(out,
                   "<!doctype html><html lang=\"zh-CN\"><meta charset=\"utf-8\">"
                   "<meta name=\"viewport\" content=\"width=device-width\">"
                   "<meta name=\"robots\" content=\"noindex\"><title>退订 Unsubscribe</title>"
                   "<style>body{font:1.1em/1.6 sans-serif;max-width:32em;margin:3em auto;"
                   "padding:0 1em}button{font:inherit;padding:.5em 1.5em}</style>"
                   "<p>%s</p><p lang=\"en\">%s</p>%s</html>\n",
                   chinese, english, rest);
}

static bool
contains(cr_slice_t text, const char *part)
{
    return text.text && memmem(text.text, text.length, part, strlen(part)) != NULL;
}

bool
unsubscribe_is_asked(cr_slice_t body)
{
    return body.length > 0 && contains(body, "List-Unsubscribe") && contains(body, "One-Click");
}

void
unsubscribe_ask(cr_str_t *out)
{
    write_page(out, "不想再收到我们的邮件通知？",
               "You do not want to receive our notices by mail any more?", FORM);
}

void
unsubscribe_say(answer_t *answer)
{
    unsigned status = answer->status;
    size_t i = 0;
    while (words[i].status != 0 && words[i].status != status)
        i++;
    cr_str_t out;
    cr_str_init(&out, PAGE_MAX);
    write_page(&out, words[i].chinese, words[i].english, words[i].rest);
    answer_text(answer, "text/html; charset=utf-8", &out);
    if (answer->status == MHD_HTTP_OK)
        answer->status = status;
    cr_str_fini(&out);
}
