/*
 * People who can be reached on every channel, so that a bench knows how many deliveries there are.
 * scripts/make-county writes a county that looks like one; this one is written in a moment.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench.h"
#include "cr_base.h"

enum { PEOPLE_MAX = 10 * 1000 * 1000, OFFICERS = 100 };

int
bench_person(uint32_t number, char row[BENCH_PERSON_MAX])
{
    static const char *const surnames[] = {"王", "李", "张", "刘", "陈", "杨", "赵",
                                           "黄", "周", "吴", "徐", "孙", "朱"};
    static const char *const given[] = {"伟", "秀英", "娜", "敏",   "静", "建国",
                                        "强", "磊",   "洋", "子涵", "艳"};
    static const char *const groups[] = {"farmer", "worker", "teenager", "elderly", "resident"};
    static const char *const divisions[] = {"370124001000", "370124002000", "370124102000",
                                            "370124103000", "370124104000", "370124105000",
                                            "370124106000", "370124107000"};
    return snprintf(row, BENCH_PERSON_MAX,
                    "P%08" PRIu32 ",%s%s,1993%07" PRIu32 ",oTest%022" PRIu32 ",r%" PRIu32
                    "@pingyin.test,%s,%s,%s,zh-CN\n",
                    number, surnames[number % CR_COUNT(surnames)], given[number % CR_COUNT(given)],
                    number, number, number, divisions[number / 64 % CR_COUNT(divisions)],
                    groups[number % CR_COUNT(groups)], number < OFFICERS ? "duty_officer" : "");
}

int
bench_county(int argc, char **argv)
{
    unsigned long count = argc == 1 ? strtoul(argv[0], NULL, 10) : 0;
    if (count == 0 || count > PEOPLE_MAX) {
        fprintf(stderr, "usage: crier-bench county PEOPLE (to %d)\n", PEOPLE_MAX);
        return CR_EXIT_USAGE;
    }
    char row[BENCH_PERSON_MAX];
    fputs(BENCH_PEOPLE_HEADER, stdout);
    for (uint32_t number = 0; number < count; number++)
        /* cppcheck-suppress uninitvar ; bench_person fills it */
        fwrite(row, 1, (size_t)bench_person(number, row), stdout);
    return fflush(stdout) == 0 ? CR_EXIT_OK : CR_EXIT_IO;
}
