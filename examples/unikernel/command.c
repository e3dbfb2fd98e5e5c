/* SPDX-License-Identifier: MIT */
#include "command.h"

/* ---- Answers ---- */

static void say(const struct answer *answer, const char *words)
{
    for (; *words != '\0'; words++) {
        answer->put(answer->ctx, *words);
    }
}

static void say_text(const struct answer *answer, struct text text)
{
    for (size_t i = 0; i < text.size; i++) {
        answer->put(answer->ctx, text.bytes[i]);
    }
}

static void say_number(const struct answer *answer, const char *name, uint64_t value)
{
    char digits[20];
    size_t first = sizeof(digits);

    do {
        digits[--first] = (char)('0' + value % 10u);
        value /= 10u;
    } while (value != 0);
    say(answer, name);
    say_text(answer, (struct text){ digits + first, sizeof(digits) - first });
}

/* Reasons that need no detail; answer_failure() adds the others. */
static const char *reason(enum store_status status)
{
    switch (status) {
    case STORE_MISSING: return "no such key";
    case STORE_FULL: return "full";
    case STORE_TOO_MANY_KEYS: return "too many keys";
    case STORE_NONE: return "no store on this disk: format makes one";
    case STORE_DAMAGED: return "damaged";
    case STORE_UNFIT: return "this disk cannot hold the store";
    case STORE_THERE: return "there is a store on this disk";
    case STORE_TOO_LONG: return "too long"; /* cannot happen here: the lengths have been checked */
    default: return "disk: ";
    }
}

static void answer_failure(const struct answer *answer, const struct store *store, enum store_status status)
{
    say(answer, "error ");
    say(answer, reason(status));
    if (status == STORE_DISK) {
        say(answer, vpt_status_str(store->cause));
    }
    say(answer, "\n");
}

static void answer_status(const struct answer *answer, const struct store *store, enum store_status status)
{
    if (status == STORE_OK) {
        say(answer, "ok\n");
    } else {
        answer_failure(answer, store, status);
    }
}

static void answer_wrong(const struct answer *answer, const char *what)
{
    say(answer, "error ");
    say(answer, what);
    say(answer, "\n");
}

/* ---- Lines ---- */

/* A line, split at its first space; `divided`: it has one. */
struct parts {
    struct text first;
    struct text rest;
    bool divided;
};

static struct parts divide(struct text text)
{
    struct parts parts = { .first = text };

    for (size_t i = 0; i < text.size; i++) {
        if (text.bytes[i] == ' ') {
            parts.first.size = i;
            parts.rest = (struct text){ text.bytes + i + 1u, text.size - i - 1u };
            parts.divided = true;
            break;
        }
    }
    return parts;
}

static bool key_valid(const struct answer *answer, struct text key, const char *usage)
{
    if (key.size == 0) {
        answer_wrong(answer, usage);
    } else if (key.size > FORMAT_KEY_MAX) {
        say_number(answer, "error the key is too long: at most ", FORMAT_KEY_MAX);
        say(answer, " characters\n");
    }
    return key.size != 0 && key.size <= FORMAT_KEY_MAX;
}

/* ---- Commands ---- */

static void put(struct store *store, struct text arguments, const struct answer *answer)
{
    static const char usage[] = "usage: put KEY VALUE";
    struct parts parts = divide(arguments);

    if (!parts.divided) {
        answer_wrong(answer, usage);
    } else if (key_valid(answer, parts.first, usage)) {
        if (parts.rest.size > FORMAT_VALUE_MAX) {
            say_number(answer, "error the value is too long: at most ", FORMAT_VALUE_MAX);
            say(answer, " characters\n");
        } else {
            answer_status(answer, store, store_put(store, parts.first, parts.rest));
        }
    }
}

/* Whether the arguments are one key. */
static bool one_key(struct text arguments, const struct answer *answer, const char *usage)
{
    if (divide(arguments).divided) {
        answer_wrong(answer, usage);
        return false;
    }
    return key_valid(answer, arguments, usage);
}

static void get(struct store *store, struct text key, const struct answer *answer)
{
    struct text value;
    enum store_status status;

    if (!one_key(key, answer, "usage: get KEY")) {
        return;
    }
    status = store_get(store, key, &value);
    if (status != STORE_OK) {
        answer_failure(answer, store, status);
        return;
    }
    say(answer, "ok ");
    say_text(answer, value);
    say(answer, "\n");
}

static void delete_key(struct store *store, struct text key, const struct answer *answer)
{
    if (one_key(key, answer, "usage: delete KEY")) {
        answer_status(answer, store, store_delete(store, key));
    }
}

static void list(struct store *store, struct text arguments, const struct answer *answer)
{
    enum store_status status = store_open(store);

    (void)arguments;
    if (status != STORE_OK) {
        answer_failure(answer, store, status);
        return;
    }
    say_number(answer, "ok ", store->count);
    for (uint32_t i = 0; i < store->count; i++) {
        say(answer, " ");
        say_text(answer, (struct text){ store->entries[i].key, store->entries[i].key_size });
    }
    say(answer, "\n");
}

static void say_state(const struct answer *answer, const struct store *store)
{
    say_number(answer, " keys=", store->count);
    say_number(answer, " used=", store->end);
    say_number(answer, " area=", store->header.area_sectors);
    say_number(answer, " unit=", store->header.unit);
    say_number(answer, " generation=", store->header.generation);
    say_number(answer, " sequence=", store->sequence);
    say_number(answer, " recovered=", store->recovered);
    say(answer, store->torn ? " torn=yes" : " torn=no");
    say_number(answer, " requests=", store->storage->requests);
    say_number(answer, " wakeups=", store->storage->wakeups);
    say(answer, "\n");
}

static void status(struct store *store, struct text arguments, const struct answer *answer)
{
    enum store_status opened = store_open(store);

    (void)arguments;
    if (opened != STORE_OK) {
        answer_failure(answer, store, opened);
        return;
    }
    say(answer, "ok");
    say_state(answer, store);
}

static void format(struct store *store, struct text arguments, const struct answer *answer)
{
    (void)arguments;
    answer_status(answer, store, store_format(store));
}

static void off(struct store *store, struct text arguments, const struct answer *answer)
{
    (void)store;
    (void)arguments;
    say(answer, "ok\n");
}

static const struct command {
    const char *name;
    bool arguments; /* whether the command takes arguments; if not, a line with arguments is an error */
    void (*run)(struct store *store, struct text arguments, const struct answer *answer);
} commands[] = {
    { "put", true, put },        { "get", true, get },        { "delete", true, delete_key }, { "list", false, list },
    { "status", false, status }, { "format", false, format }, { "off", false, off },
};

bool command_run(struct store *store, const char *line, size_t size, const struct answer *answer)
{
    struct text text = { line, size };
    struct parts parts = divide(text);

    if (!text_printable(text)) {
        answer_wrong(answer, "a character that cannot be printed");
        return true;
    }
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        const struct command *command = &commands[i];

        if (text_is(parts.first, command->name) && (command->arguments || !parts.divided)) {
            command->run(store, parts.rest, answer);
            return command->run != off;
        }
    }
    answer_wrong(answer, "usage: put KEY VALUE, get KEY, delete KEY, list, status, format or off");
    return true;
}

void command_too_long(const struct answer *answer)
{
    answer_wrong(answer, "the line is too long");
}

void command_begin(struct store *store, const struct answer *answer)
{
    enum store_status status = store_open(store);

    if (status == STORE_OK) {
        say(answer, "ready");
        say_state(answer, store);
    } else {
        answer_failure(answer, store, status);
    }
}
