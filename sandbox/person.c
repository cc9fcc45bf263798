#include "person.h"

#include "hash.h"

enum { WORDS = 4 };

const char *
person_words(fault_person_t person, cr_slice_t address)
{
    static const char *const words[][WORDS] = {
        [FAULT_CONFIRMS] = {"收到", "1", "收到，谢谢", "已收到"},
        [FAULT_OPTS_OUT] = {"退订", "TD", "R", "T"},
        [FAULT_CHATS] = {"请问几点开始？", "可以带孩子去吗", "Where is it?", "你是谁"},
    };
    return words[person][hash_text(address, FAULT_CHATS) % WORDS];
}
