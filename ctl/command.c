#include "command.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cr_clock.h"
#include "cr_text.h"

enum { OPTIONS_MAX = 32, NUMBER_MAX = 1000, HELP_COLUMN = 30 };

const option_t command_globals[] = {
    {"as", OPTION_TEXT, OPTION_OPTIONAL, "USER", W_OPT_AS},
    {"url", OPTION_TEXT, OPTION_OPTIONAL, "URL", W_OPT_URL},
    {"token-file", OPTION_TEXT, OPTION_OPTIONAL, "FILE", W_OPT_TOKEN_FILE},
    {"json", OPTION_FLAG, OPTION_OPTIONAL, NULL, W_OPT_JSON},
    {"help", OPTION_FLAG, OPTION_OPTIONAL, NULL, W_OPT_HELP},
    {"version", OPTION_FLAG, OPTION_OPTIONAL, NULL, W_OPT_VERSION},
    {0},
};

/* The options that getopt_long knows in one pass, beside our description of each. */
typedef struct {
    struct option longs[OPTIONS_MAX + 1];
    const option_t *known[OPTIONS_MAX];
    size_t count;
} option_set_t;

/* Of two options with one name getopt_long finds the one that was added first. */
static void
set_add(option_set_t *set, const option_t *options)
{
    for (const option_t *option = options; option && option->name; option++) {
        CR_ASSERT(set->count < OPTIONS_MAX);
        set->longs[set->count] = (struct option){
            option->name, option->kind == OPTION_FLAG ? no_argument : required_argument, NULL, 0};
        set->known[set->count++] = option;
    }
}

cr_err_t
command_time(const char *text, int64_t *wall_us)
{
    if (text[0] != '+')
        return cr_time_parse(text, wall_us);
    int64_t from_now_us;
    cr_err_t err = cr_duration_parse(text + 1, &from_now_us);
    if (err == CR_OK)
        *wall_us = cr_clock_wall_us() + from_now_us;
    return err;
}

static bool
is_number(const char *text)
{
    char *end;
    long number = strtol(text, &end, 10);
    return text[0] != '\0' && *end == '\0' && number >= 1 && number <= NUMBER_MAX;
}

static bool
is_time(const char *text)
{
    int64_t wall_us;
    return command_time(text, &wall_us) == CR_OK;
}

static bool
is_pair(const char *text)
{
    const char *equals = strchr(text, '=');
    return equals && equals > text;
}

static const struct {
    bool (*is_sound)(const char *text);
    word_t complaint;
} kinds[] = {
    [OPTION_FLAG] = {NULL, W_NONE},
    [OPTION_TEXT] = {NULL, W_NONE},
    [OPTION_NUMBER] = {is_number, W_NOT_A_NUMBER},
    [OPTION_PAIR] = {is_pair, W_NOT_A_PAIR},
    [OPTION_TIME] = {is_time, W_NOT_A_TIME},
};

static bool
is_given(const command_line_t *line, const option_t *option)
{
    for (size_t i = 0; i < line->value_count; i++)
        if (line->values[i].option == option)
            return true;
    return false;
}

/* A text for a key that has one already: which of them was meant? */
static bool
is_keyed(const command_line_t *line, const option_t *option, const char *pair)
{
    size_t length = (size_t)(strchr(pair, '=') - pair) + 1;
    for (size_t i = 0; i < line->value_count; i++)
        if (line->values[i].option == option && strncmp(line->values[i].value, pair, length) == 0)
            return true;
    return false;
}

static cr_err_t
value_add(command_line_t *line, const option_t *option, const char *value, cr_fault_t *fault)
{
    value = value ? value : "";
    if (kinds[option->kind].is_sound && !kinds[option->kind].is_sound(value))
        return words_refuse(fault, CR_INVAL, kinds[option->kind].complaint, option->name, value,
                            NULL);
    if (option->need != OPTION_REPEATED && is_given(line, option))
        return words_refuse(fault, CR_INVAL, W_OPTION_TWICE, option->name, NULL);
    if (option->kind == OPTION_PAIR && is_keyed(line, option, value))
        return words_refuse(fault, CR_INVAL, W_KEY_TWICE, option->name, value, NULL);
    if (line->value_count == COMMAND_VALUES_MAX)
        return words_refuse(fault, CR_INVAL, W_OPTIONS_TOO_MANY, NULL);
    line->values[line->value_count++] = (command_value_t){option, value};
    return CR_OK;
}

/* Reads the options of argv and leaves optind at the first operand; `order` is "+" to stop there,
 * "" to look for options behind it too. */
static cr_err_t
options_read(const option_set_t *set, const char *order, int argc, char **argv,
             command_line_t *line, cr_fault_t *fault)
{
    char letters[8];
    snprintf(letters, sizeof letters, "%s:", order);
    opterr = 0;
    optind = 0; /* getopt starts anew */
    for (int index = 0, seen;
         (seen = getopt_long(argc, argv, letters, set->longs, &index)) != -1;) {
        if (seen == ':')
            return words_refuse(fault, CR_INVAL, W_OPTION_NEEDS_VALUE, argv[optind - 1], NULL);
        if (seen == '?')
            return words_refuse(fault, CR_INVAL, W_OPTION_UNKNOWN, argv[optind - 1], NULL);
        cr_err_t err = value_add(line, set->known[index], optarg, fault);
        if (err != CR_OK)
            return err;
    }
    return CR_OK;
}

/* "broadcast" alone: says what may follow it. */
static void
refuse_words(const command_group_t *groups, const char *noun, cr_fault_t *fault)
{
    cr_str_t verbs;
    cr_str_init(&verbs, 512);
    size_t length = strlen(noun);
    for (const command_group_t *group = groups; group->commands; group++)
        for (const command_t *command = group->commands; command->words; command++)
            if (strncmp(command->words, noun, length) == 0 && command->words[length] == ' ')
                cr_str_appendf(&verbs, "%s%s", verbs.length > 0 ? ", " : "",
                               command->words + length + 1);
    if (verbs.length > 0)
        words_refuse(fault, CR_INVAL, W_COMMAND_NEEDS, noun, cr_str_text(&verbs), NULL);
    else
        words_refuse(fault, CR_INVAL, W_COMMAND_UNKNOWN, noun, NULL);
    cr_str_fini(&verbs);
}

const command_t *
command_find(const command_group_t *groups, int count, const char *const *words, int *taken,
             cr_fault_t *fault)
{
    for (int length = count < 2 ? count : 2; length > 0; length--) {
        char wanted[64];
        snprintf(wanted, sizeof wanted, "%s%s%s", words[0], length > 1 ? " " : "",
                 length > 1 ? words[1] : "");
        for (const command_group_t *group = groups; group->commands; group++)
            for (const command_t *command = group->commands; command->words; command++)
                if (strcmp(command->words, wanted) == 0) {
                    *taken = length;
                    return command;
                }
    }
    refuse_words(groups, words[0], fault);
    return NULL;
}

static void
operand_range(const char *operands, size_t *least, size_t *most)
{
    *least = *most = 0;
    for (const char *at = operands; at && *at != '\0'; at++) {
        if (at != operands && at[-1] != ' ')
            continue;
        (*most)++;
        *least += *at != '[';
    }
}

static cr_err_t
operands_read(int argc, char **argv, command_line_t *line, cr_fault_t *fault)
{
    size_t least, most, count = (size_t)(argc - optind);
    operand_range(line->command->operands, &least, &most);
    if (count < least)
        return words_refuse(fault, CR_INVAL, W_OPERAND_MISSING, line->command->words,
                            line->command->operands, NULL);
    if (count > most)
        return words_refuse(fault, CR_INVAL, W_OPERAND_UNEXPECTED, argv[optind + (int)most], NULL);
    line->operand_count = count;
    for (size_t i = 0; i < count; i++)
        line->operands[i] = argv[optind + (int)i];
    return CR_OK;
}

static cr_err_t
check_required(const command_line_t *line, cr_fault_t *fault)
{
    for (const option_t *option = line->command->options; option && option->name; option++)
        if (option->need == OPTION_REQUIRED && !is_given(line, option))
            return words_refuse(fault, CR_INVAL, W_OPTION_MISSING, line->command->words,
                                option->name, NULL);
    return CR_OK;
}

cr_err_t
command_parse(const command_group_t *groups, int argc, char **argv, command_line_t *line,
              cr_fault_t *fault)
{
    *line = (command_line_t){0};
    option_set_t globals = {0}, all = {0};
    set_add(&globals, command_globals);
    cr_err_t err = options_read(&globals, "+", argc, argv, line, fault);
    if (err != CR_OK || optind == argc)
        return err;
    if (strcmp(argv[optind], "help") == 0) {
        line->asks_help = true;
        for (optind++; optind < argc && line->operand_count < COMMAND_OPERANDS_MAX; optind++)
            line->operands[line->operand_count++] = argv[optind];
        return CR_OK;
    }
    int taken = 0;
    line->command =
        command_find(groups, argc - optind, (const char *const *)argv + optind, &taken, fault);
    if (!line->command)
        return CR_INVAL;
    set_add(&all, line->command->options);
    set_add(&all, command_globals);
    /* The command's last word stands in for argv[0]. */
    int first = optind + taken - 1;
    err = options_read(&all, "", argc - first, argv + first, line, fault);
    if (err != CR_OK || command_global(line, "help"))
        return err;
    err = operands_read(argc - first, argv + first, line, fault);
    return err == CR_OK ? check_required(line, fault) : err;
}

static bool
is_global(const option_t *option)
{
    for (const option_t *global = command_globals; global->name; global++)
        if (global == option)
            return true;
    return false;
}

/* The next value of the option `name`, among the global ones or the command's own. */
static const char *
value_next(const command_line_t *line, bool global, const char *name, size_t *cursor)
{
    while (*cursor < line->value_count) {
        const command_value_t *value = &line->values[(*cursor)++];
        if (is_global(value->option) == global && strcmp(value->option->name, name) == 0)
            return value->value;
    }
    return NULL;
}

const char *
command_global(const command_line_t *line, const char *name)
{
    return value_next(line, true, name, &(size_t){0});
}

const char *
command_option(const command_line_t *line, const char *name)
{
    return value_next(line, false, name, &(size_t){0});
}

const char *
command_option_next(const command_line_t *line, const char *name, size_t *cursor)
{
    return value_next(line, false, name, cursor);
}

const char *
command_operand(const command_line_t *line, size_t index)
{
    return index < line->operand_count ? line->operands[index] : NULL;
}

/* Two columns; what does not fit the first pushes the second to the next line. */
static void
print_entry(const char *left, const char *right)
{
    int width = (int)cr_text_width(cr_slice_of(left));
    if (width > HELP_COLUMN - 2)
        printf("  %s\n  %*s%s\n", left, HELP_COLUMN, "", right);
    else
        printf("  %s%*s%s\n", left, HELP_COLUMN - width, "", right);
}

static void
print_options(const option_t *options)
{
    for (const option_t *option = options; option && option->name; option++) {
        char left[80];
        snprintf(left, sizeof left, "--%s%s%s", option->name, option->argument ? " " : "",
                 option->argument ? option->argument : "");
        print_entry(left, word(option->help));
    }
}

void
command_print_overview(const command_group_t *groups)
{
    puts(word(W_USAGE));
    for (const command_group_t *group = groups; group->commands; group++) {
        if (group->title != W_NONE)
            printf("\n%s\n", word(group->title));
        for (const command_t *command = group->commands; command->words; command++) {
            char left[80];
            snprintf(left, sizeof left, "%s %s", command->words,
                     command->operands ? command->operands : "");
            print_entry(left, word(command->help));
        }
    }
    printf("\n%s\n", word(W_GLOBAL_OPTIONS));
    print_options(command_globals);
    printf("\n%s\n", word(W_ENVIRONMENT));
}

void
command_print_help(const command_t *command)
{
    printf("crierctl %s", command->words);
    if (command->operands)
        printf(" %s", command->operands);
    for (const option_t *option = command->options; option && option->name; option++) {
        bool required = option->need == OPTION_REQUIRED;
        printf(" %s--%s%s%s%s%s", required ? "" : "[", option->name, option->argument ? " " : "",
               option->argument ? option->argument : "", required ? "" : "]",
               option->need == OPTION_REPEATED ? "..." : "");
    }
    printf("\n\n%s\n", word(command->help));
    if (command->options) {
        putchar('\n');
        print_options(command->options);
    }
    printf("\n%s\n", word(W_GLOBAL_OPTIONS));
    print_options(command_globals);
}
