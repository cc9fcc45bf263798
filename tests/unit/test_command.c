#include <stdio.h>
#include <string.h>

#include "command.h"
#include "cr_clock.h"
#include "cr_test.h"

const char cr_suite[] = "command";

static const option_t options[] = {
    {"to", OPTION_TEXT, OPTION_REQUIRED, "TO", W_NONE},
    {"var", OPTION_PAIR, OPTION_REPEATED, "K=V", W_NONE},
    {"limit", OPTION_NUMBER, OPTION_OPTIONAL, "N", W_NONE},
    {"drill", OPTION_FLAG, OPTION_OPTIONAL, NULL, W_NONE},
    {"token-file", OPTION_TEXT, OPTION_OPTIONAL, "FILE", W_NONE},
    {0},
};
static const command_t commands[] = {
    {"thing make", "NAME [OTHER]", options, W_NONE, NULL},
    {"thing", NULL, NULL, W_NONE, NULL},
    {0},
};
static const command_group_t groups[] = {{W_NONE, commands}, {0}};

enum { WORDS_MAX = 24 };

/* Parses a line of words between blanks; the words live in `text`. */
static cr_err_t
parse(const char *line, char text[512], command_line_t *parsed, cr_fault_t *fault)
{
    char *argv[WORDS_MAX] = {0}, *rest = text;
    int argc = 0;
    snprintf(text, 512, "crierctl %s", line);
    for (char *word; (word = strsep(&rest, " ")) != NULL && argc < WORDS_MAX - 1;)
        argv[argc++] = word;
    return command_parse(groups, argc, argv, parsed, fault);
}

static void
options_may_stand_anywhere_behind_the_words(void)
{
    static const char *const lines[] = {
        "--as me thing make one two --to all --json",
        "--json thing make --to all one --as me two",
        "thing make --as me one --json two --to=all",
    };
    for (size_t i = 0; i < CR_COUNT(lines); i++) {
        char text[512];
        command_line_t line;
        CU_ASSERT_EQUAL_FATAL(parse(lines[i], text, &line, NULL), CR_OK);
        CU_ASSERT_PTR_EQUAL(line.command, &commands[0]);
        CU_ASSERT_STRING_EQUAL(command_global(&line, "as"), "me");
        CU_ASSERT_PTR_NOT_NULL(command_global(&line, "json"));
        CU_ASSERT_STRING_EQUAL(command_option(&line, "to"), "all");
        CU_ASSERT_STRING_EQUAL(command_operand(&line, 0), "one");
        CU_ASSERT_STRING_EQUAL(command_operand(&line, 1), "two");
        CU_ASSERT_PTR_NULL(command_option(&line, "drill"));
    }
}

static void
the_longest_words_name_the_command(void)
{
    char text[512];
    command_line_t line;
    CU_ASSERT_EQUAL(parse("thing", text, &line, NULL), CR_OK);
    CU_ASSERT_PTR_EQUAL(line.command, &commands[1]);
    CU_ASSERT_EQUAL(parse("", text, &line, NULL), CR_INVAL);
    CU_ASSERT_EQUAL(parse("--json", text, &line, NULL), CR_OK);
    CU_ASSERT_PTR_NULL(line.command);
}

static void
a_commands_option_hides_a_global_one_behind_its_words(void)
{
    char text[512];
    command_line_t line;
    const char *both = "--token-file mine thing make x --to all --token-file theirs";
    CU_ASSERT_EQUAL_FATAL(parse(both, text, &line, NULL), CR_OK);
    CU_ASSERT_STRING_EQUAL(command_global(&line, "token-file"), "mine");
    CU_ASSERT_STRING_EQUAL(command_option(&line, "token-file"), "theirs");
}

static void
a_repeated_option_gives_its_values_in_order(void)
{
    char text[512];
    command_line_t line;
    const char *given = "thing make x --var a=1 --to all --var b=2=3 --var c=";
    CU_ASSERT_EQUAL_FATAL(parse(given, text, &line, NULL), CR_OK);
    size_t cursor = 0;
    CU_ASSERT_STRING_EQUAL(command_option_next(&line, "var", &cursor), "a=1");
    CU_ASSERT_STRING_EQUAL(command_option_next(&line, "var", &cursor), "b=2=3");
    CU_ASSERT_STRING_EQUAL(command_option_next(&line, "var", &cursor), "c=");
    CU_ASSERT_PTR_NULL(command_option_next(&line, "var", &cursor));
}

static void
mistakes_are_refused_and_named(void)
{
    static const struct {
        const char *line, *named;
    } cases[] = {
        {"nothing", "nothing"},
        {"thing make", "NAME"},
        {"thing make a b c --to all", "c"},
        {"thing make a", "--to"},
        {"thing make a --to", "--to"},
        {"thing make a --to all --to all", "--to"},
        {"thing make a --to all --what", "--what"},
        {"thing make a --to all --limit 0", "0"},
        {"thing make a --to all --limit 1001", "1001"},
        {"thing make a --to all --limit 1x", "1x"},
        {"thing make a --to all --var =x", "=x"},
        {"thing make a --to all --var x", "x"},
        {"--what thing", "--what"},
    };
    for (size_t i = 0; i < CR_COUNT(cases); i++) {
        char text[512];
        command_line_t line;
        cr_fault_t fault = {0};
        CU_ASSERT_EQUAL(parse(cases[i].line, text, &line, &fault), CR_INVAL);
        CU_ASSERT_PTR_NOT_NULL(strstr(fault.text, cases[i].named));
    }
}

static void
too_many_options_are_refused(void)
{
    char *argv[2 * COMMAND_VALUES_MAX + 16] = {"crierctl", "thing", "make", "x", "--to", "all"};
    int argc = 6;
    for (int i = 0; i < COMMAND_VALUES_MAX; i++) {
        argv[argc++] = "--var";
        argv[argc++] = "a=b";
    }
    command_line_t line;
    cr_fault_t fault = {0};
    CU_ASSERT_EQUAL(command_parse(groups, argc, argv, &line, &fault), CR_INVAL);
    CU_ASSERT_NOT_EQUAL(fault.text[0], '\0');
}

static void
times_are_absolute_or_from_now(void)
{
    int64_t at_us = 0, before_us = cr_clock_wall_us();
    CU_ASSERT_EQUAL(command_time("+2h", &at_us), CR_OK);
    int64_t from_now_us = at_us - before_us;
    CU_ASSERT_TRUE(from_now_us >= 7200 * CR_US_PER_S && from_now_us < 7260 * CR_US_PER_S);
    CU_ASSERT_EQUAL(command_time("2026-05-12T09:00:00+08:00", &at_us), CR_OK);
    CU_ASSERT_EQUAL(at_us, INT64_C(1778547600) * CR_US_PER_S);
    static const char *const bad[] = {"", "+", "2h", "+2", "+h", "tomorrow", "2026-13-01 00:00"};
    for (size_t i = 0; i < CR_COUNT(bad); i++)
        CU_ASSERT_NOT_EQUAL(command_time(bad[i], &at_us), CR_OK);
}

CU_TestInfo cr_tests[] = {
    {"options may stand anywhere behind the words", options_may_stand_anywhere_behind_the_words},
    {"the longest words name the command", the_longest_words_name_the_command},
    {"a command's option hides a global one behind its words",
     a_commands_option_hides_a_global_one_behind_its_words},
    {"a repeated option gives its values in order", a_repeated_option_gives_its_values_in_order},
    {"mistakes are refused and named", mistakes_are_refused_and_named},
    {"too many options are refused", too_many_options_are_refused},
    {"times are absolute or from now", times_are_absolute_or_from_now},
    CU_TEST_INFO_NULL,
};
