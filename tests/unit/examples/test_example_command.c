/* SPDX-License-Identifier: MIT */
/* The unikernel's commands: a line in, a line out. */
#include "example_support.h"

#include <stdio.h>
#include <string.h>

TestSuite(example_command, .timeout = 60);

static const struct mock_machine_options plain = { .blk = { .capacity = 256, .flush = true } };

static char said[8192];
static size_t said_size;

static void put(void *ctx, char character)
{
    (void)ctx;
    cr_assert(said_size + 1u < sizeof(said));
    said[said_size++] = character;
    said[said_size] = '\0';
}

static const struct answer answer = { .put = put };

static const char *run(const char *line)
{
    said_size = 0;
    cr_assert(command_run(&world.store, line, strlen(line), &answer));
    return said;
}

static void check(const char *line, const char *expected)
{
    cr_assert(strcmp(run(line), expected) == 0, "\"%s\": %s", line, said);
}

#define USAGE "error usage: put KEY VALUE, get KEY, delete KEY, list, status, format or off\n"

WORLD_TEST(example_command, each_line_has_one_line_for_an_answer)
{
    static const char *const lines[][2] = {
        { "list", "ok 0\n" },
        { "get a", "error no such key\n" },
        { "put a one two  three ", "ok\n" },
        { "get a", "ok one two  three \n" },
        { "put b ", "ok\n" },
        { "get b", "ok \n" },
        { "put ~! {}", "ok\n" },
        { "list", "ok 3 a b ~!\n" },
        { "put a 1", "ok\n" },
        { "get a", "ok 1\n" },
        { "delete b", "ok\n" },
        { "delete b", "error no such key\n" },
        { "get b", "error no such key\n" },
        { "list", "ok 2 a ~!\n" },
        { "format", "error there is a store on this disk\n" },
        { "put", "error usage: put KEY VALUE\n" },
        { "put ", "error usage: put KEY VALUE\n" },
        { "put a", "error usage: put KEY VALUE\n" },
        { "put  a", "error usage: put KEY VALUE\n" },
        { "get", "error usage: get KEY\n" },
        { "get a b", "error usage: get KEY\n" },
        { "get ", "error usage: get KEY\n" },
        { "delete", "error usage: delete KEY\n" },
        { "delete a b", "error usage: delete KEY\n" },
        { "list a", USAGE },
        { "lis", USAGE },
        { "lists", USAGE },
        { "", USAGE },
        { " ", USAGE },
        { " get a", USAGE },
        { "get \t", "error a character that cannot be printed\n" },
        { "put a \xff", "error a character that cannot be printed\n" },
        { "put a \x7f", "error a character that cannot be printed\n" },
        { "get a", "ok 1\n" },
    };

    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        check(lines[i][0], lines[i][1]);
    }
}

WORLD_TEST(example_command, what_is_too_long_is_told)
{
    static char line[COMMAND_LINE_MAX + 2u];

    memset(line, 'x', sizeof(line) - 1u);
    memcpy(line, "put ", 4);
    line[4u + FORMAT_KEY_MAX] = ' ';
    check(line, "error the value is too long: at most 2000 characters\n");
    line[COMMAND_LINE_MAX] = '\0';
    check(line, "ok\n");
    memcpy(line, "get ", 4);
    line[4u + FORMAT_KEY_MAX] = '\0';
    run(line);
    cr_assert(said_size == 3u + FORMAT_VALUE_MAX + 1u);
    line[4u + FORMAT_KEY_MAX] = 'x';
    line[5u + FORMAT_KEY_MAX] = '\0';
    check(line, "error the key is too long: at most 64 characters\n");
    line[5u + FORMAT_KEY_MAX] = 'x';
    memcpy(line, "put ", 4);
    check(line, "error usage: put KEY VALUE\n");
    said_size = 0;
    command_too_long(&answer);
    cr_assert(strcmp(said, "error the line is too long\n") == 0);
}

WORLD_TEST(example_command, failures_are_told)
{
    char line[32];

    for (unsigned i = 0; i < WORLD_ENTRIES; i++) {
        (void)snprintf(line, sizeof(line), "put %u x", i);
        check(line, "ok\n");
    }
    check("put another x", "error too many keys\n");
    mock_fault_set(&world.machine.device.faults, MOCK_FAULT_IO_ERROR, 1, 1, 0);
    check("put 0 y", "error disk: device reports an I/O error\n");
    check("get 0", "ok x\n");
    mock_fault_set(&world.machine.device.faults, MOCK_FAULT_IO_ERROR, 1, 1, 0);
    check("get 0", "error disk: device reports an I/O error\n");
    check("get 0", "ok x\n");
    world_restart();
    memset(world.machine.blk.disk, 1, 512);
    check("list", "error no store on this disk: format makes one\n");
    check("format", "ok\n");
    check("list", "ok 0\n");
}

WORLD_TEST(example_command, the_beginning_and_the_end)
{
    command_begin(&world.store, &answer);
    cr_assert(strcmp(said, "ready keys=0 used=0 area=120 unit=1 generation=2 sequence=1 recovered=0 torn=no "
                           "requests=14 wakeups=14\n") == 0,
              "%s", said);
    check("put a 1", "ok\n");
    check("status", "ok keys=1 used=1 area=120 unit=1 generation=2 sequence=2 recovered=0 torn=no requests=16 "
                    "wakeups=16\n");
    said_size = 0;
    cr_assert(!command_run(&world.store, "off", 3, &answer) && strcmp(said, "ok\n") == 0);
    mock_fault_set(&world.machine.device.faults, MOCK_FAULT_IO_ERROR, 1, 1, 0);
    world_restart();
    said_size = 0;
    command_begin(&world.store, &answer);
    cr_assert(strcmp(said, "error disk: device reports an I/O error\n") == 0, "%s", said);
}
