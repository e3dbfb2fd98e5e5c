/* SPDX-License-Identifier: MIT */
/*
 * The file system driver on QEMU's device and its server, virtiofsd, which needs to be there and to run as root: else
 * the tests say that they were not run. The server has neither packed rings nor an IOMMU.
 */
#define _GNU_SOURCE
#include "qemu_folder.h"
#include "qemu_place.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

TestSuite(device_fs, .timeout = 60);

#define SERVER "/usr/lib/qemu/virtiofsd"
#define LONG   1300001u /* bytes; more than the port shares at once */
#define FILES  300u

#define NO_ENTRY  2u /* Linux's error numbers */
#define EXISTS    17u
#define NOT_EMPTY 39u

static struct vpt_fs fs;
static struct vpt_fs_file file;
static pid_t server;
static uint8_t bytes[LONG];
static uint8_t seen[LONG + 1u];

/* ---- The server ---- */

static void serve(int listener, const char *folder)
{
    char descriptor[20];
    char source[60];

    (void)snprintf(descriptor, sizeof(descriptor), "--fd=%d", listener);
    (void)snprintf(source, sizeof(source), "source=%s", folder);
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
    (void)execl(SERVER, SERVER, descriptor, "-f", "-o", source, "-o", "sandbox=chroot", "-o", "log_level=err", NULL);
    _exit(1);
}

/* Starts a server of the folder; `path` is where QEMU finds it. */
static void start_server(const char *folder, char *path, size_t room)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int listener = socket(AF_UNIX, SOCK_STREAM, 0);

    (void)snprintf(path, room, "%s/.socket", folder);
    (void)strncpy(address.sun_path, path, sizeof(address.sun_path) - 1u);
    assert_that(listener >= 0 && bind(listener, (const struct sockaddr *)&address, sizeof(address)) == 0 &&
                listen(listener, 1) == 0);
    server = fork();
    if (server == 0) {
        serve(listener, folder);
    }
    assert_that(server > 0 && close(listener) == 0);
}

/* Whether there is a server; if not, says that the test is not run. */
static bool possible(const struct place *place)
{
    if (access(SERVER, X_OK) != 0 || geteuid() != 0) {
        fprintf(stderr, "device_fs: not run, for want of %s, or of root's rights\n", SERVER);
        return false;
    }
    return !place->packed && !place_is_legacy(place);
}

/* ---- The machine ---- */

static void start_place(const struct place *at)
{
    struct place place = *at;
    char path[80];
    char chardev[120];
    struct fixture_options options = { .arguments = { "-chardev", chardev } };

    place.iommu = false;
    start_server(folder_make(), path, sizeof(path));
    (void)snprintf(chardev, sizeof(chardev), "socket,id=c0,path=%s", path);
    place_start(&place, "vhost-user-fs", ",chardev=c0,tag=vptfs,queue-size=64", &options);
    assert_that(unlink(path) == 0);
}

static void start(const struct place *place)
{
    char tag[VPT_FS_TAG_MAX + 1u];

    start_place(place);
    assert_status(vpt_fs_open(&fs, placed.device), VPT_OK);
    assert_status(vpt_fs_get_tag(&fs, tag, sizeof(tag)), VPT_OK);
    assert_that(strcmp(tag, "vptfs") == 0);
    assert_status(vpt_fs_begin(&fs), VPT_OK);
    assert_that(fs.minor == 31 && fs.data_max >= 0x20000);
}

static void end_place(void)
{
    int status;

    place_finish();
    assert_that(waitpid(server, &status, 0) == server && WIFEXITED(status));
    folder_remove();
}

static void end(void)
{
    assert_that(vpt_qtest_counts(fixture.qtest).shares == 0);
    assert_status(vpt_device_reset(placed.device), VPT_OK);
    assert_status(vpt_driver_release(&fs.driver), VPT_OK);
    end_place();
}

static void open_file(const char *path, uint32_t flags)
{
    assert_status(vpt_fs_walk(&fs, NULL, path, &file), VPT_OK);
    assert_status(vpt_fs_open_file(&fs, &file, flags), VPT_OK);
}

/* ---- Tests ---- */

PLACE_TEST(device_fs, what_the_host_wrote_is_read)
{
    struct vpt_fs_attributes attributes;
    size_t done = 0;

    if (!possible(place)) {
        return;
    }
    start(place);
    fill(bytes, sizeof(bytes), 1);
    folder_write("long", bytes, sizeof(bytes));
    folder_write("empty", bytes, 0);
    open_file("long", VPT_FS_READ_ONLY);
    assert_status(vpt_fs_get_attributes(&fs, &file, &attributes), VPT_OK);
    assert_that(attributes.size == LONG && attributes.mode == (VPT_FS_MODE_FILE | 0644u));
    assert_status(vpt_fs_read(&fs, &file, 0, seen, sizeof(seen), &done), VPT_OK);
    assert_that(done == LONG && memcmp(seen, bytes, LONG) == 0);
    assert_status(vpt_fs_read(&fs, &file, LONG - 10u, seen, 100, &done), VPT_OK);
    assert_that(done == 10 && memcmp(seen, bytes + LONG - 10u, 10) == 0);
    assert_status(vpt_fs_close(&fs, &file), VPT_OK);
    open_file("empty", VPT_FS_READ_ONLY);
    assert_status(vpt_fs_read(&fs, &file, 0, seen, 10, &done), VPT_OK);
    assert_that(done == 0);
    assert_status(vpt_fs_close(&fs, &file), VPT_OK);
    end();
}

PLACE_TEST(device_fs, the_host_sees_what_is_made_written_and_removed)
{
    struct vpt_fs_file new;
    size_t done = 0;

    if (!possible(place)) {
        return;
    }
    start(place);
    fill(bytes, sizeof(bytes), 2);
    assert_status(vpt_fs_make_directory(&fs, NULL, "new", 0755), VPT_OK);
    assert_status(vpt_fs_walk(&fs, NULL, "new", &new), VPT_OK);
    assert_status(vpt_fs_create_file(&fs, &new, "file", VPT_FS_READ_WRITE, 0600, &file), VPT_OK);
    assert_status(vpt_fs_write(&fs, &file, 0, bytes, LONG, &done), VPT_OK);
    assert_that(done == LONG && folder_file_is("new/file", bytes, LONG));
    assert_status(vpt_fs_read(&fs, &file, 0, seen, sizeof(seen), &done), VPT_OK);
    assert_that(done == LONG && memcmp(seen, bytes, LONG) == 0);
    assert_status(vpt_fs_close(&fs, &file), VPT_OK);

    open_file("//new/file", VPT_FS_WRITE_ONLY | VPT_FS_TRUNCATE);
    assert_status(vpt_fs_write(&fs, &file, 5, "a line\n", 7, &done), VPT_OK);
    assert_that(folder_file_is("new/file", "\0\0\0\0\0a line\n", 12));
    assert_status(vpt_fs_close(&fs, &file), VPT_OK);

    assert_status(vpt_fs_remove(&fs, NULL, "new", true), VPT_DEVICE_IO_ERROR);
    assert_that(fs.error == NOT_EMPTY);
    assert_status(vpt_fs_remove(&fs, &new, "file", false), VPT_OK);
    assert_that(folder_has("new") && !folder_has("new/file"));
    assert_status(vpt_fs_close(&fs, &new), VPT_OK);
    assert_status(vpt_fs_remove(&fs, NULL, "new", true), VPT_OK);
    assert_that(!folder_has("new"));
    end();
}

PLACE_TEST(device_fs, a_reason_comes_with_what_is_refused)
{
    if (!possible(place)) {
        return;
    }
    start(place);
    folder_write("file", "x", 1);
    assert_status(vpt_fs_walk(&fs, NULL, "missing", &file), VPT_DEVICE_IO_ERROR);
    assert_that(fs.error == NO_ENTRY);
    assert_status(vpt_fs_create_file(&fs, NULL, "file", VPT_FS_WRITE_ONLY | VPT_FS_EXCLUSIVE, 0644, &file),
                  VPT_DEVICE_IO_ERROR);
    assert_that(fs.error == EXISTS);
    assert_status(vpt_fs_remove(&fs, NULL, "missing", false), VPT_DEVICE_IO_ERROR);
    assert_that(fs.error == NO_ENTRY);
    end();
}

PLACE_TEST(device_fs, many_files_are_listed_once_each)
{
    static const uint32_t sizes[] = { VPT_FS_LIST_MIN, 4000, sizeof(bytes) };
    char name[VPT_FS_NAME_MAX + 1u];

    if (!possible(place)) {
        return;
    }
    start(place);
    for (unsigned i = 0; i < FILES; i++) {
        (void)snprintf(name, sizeof(name), "%03u-%0*u", i, i % 60u == 0 ? 251 : (int)(i % 50u) + 1, 0u);
        folder_write(name, bytes, i);
    }
    for (unsigned k = 0; k < COUNT_OF(sizes); k++) {
        struct vpt_fs_list list = { .directory = &file, .buffer = bytes, .size = sizes[k] };
        bool there[FILES] = { false };
        struct vpt_fs_entry entry;
        enum vpt_status status;
        unsigned count = 0;

        open_file("", VPT_FS_READ_ONLY);
        while ((status = vpt_fs_next_entry(&fs, &list, &entry)) == VPT_OK) {
            unsigned n = (unsigned)strtoul(entry.name, NULL, 10);

            if (entry.name[0] == '.') {
                assert_that(entry.type == 4);
                continue;
            }
            assert_that(n < FILES && !there[n] && folder_has(entry.name) && entry.type == 8);
            there[n] = true;
            count++;
        }
        assert_status(status, VPT_EMPTY);
        assert_that(count == FILES);
        assert_status(vpt_fs_close(&fs, &file), VPT_OK);
    }
    end();
}

/* Of each file that it knows the server has a descriptor open. */
static unsigned server_descriptors(void)
{
    static char path[60];
    unsigned count = 0;

    for (int i = 0; i < 500; i++) {
        char target[2];

        (void)snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)server, i);
        count += readlink(path, target, sizeof(target)) > 0 ? 1u : 0u;
    }
    return count;
}

PLACE_TEST(device_fs, FS_HIPRIO_1_the_server_keeps_nothing_of_what_was_forgotten)
{
    unsigned before;

    if (!possible(place)) {
        return;
    }
    start(place);
    before = server_descriptors();
    folder_write("file", "hello", 5);
    assert_status(vpt_fs_make_directory(&fs, NULL, "a", 0755), VPT_OK);
    for (unsigned i = 0; i < 100; i++) {
        assert_status(vpt_fs_walk(&fs, NULL, "a/missing", &file), VPT_DEVICE_IO_ERROR);
        open_file("file", VPT_FS_READ_ONLY);
        assert_that(server_descriptors() == before + 2u);
        assert_status(vpt_fs_close(&fs, &file), VPT_OK);
    }
    for (uint64_t began = now(); server_descriptors() != before && now() - began < FIXTURE_WAIT;) {
    }
    assert_that(server_descriptors() == before);
    end();
}

/* Messages of a kernel's own client: all slots at once, asking for the attributes of the folder, or of no file. */
PLACE_TEST(device_fs, D_FS_7_several_messages_are_in_flight)
{
    if (!possible(place)) {
        return;
    }
    start(place);
    for (unsigned round = 0; round < 10; round++) {
        struct vpt_completion completion;
        unsigned back = 0;

        for (uint32_t i = 0; i < 8; i++) {
            const struct vpt_fs_message message = { .type = 3, .size = VPT_FS_HEADER + 16u, .node = 1u + i % 2u * 99u };
            uint8_t *slot = vpt_requests_next(&fs.requests);

            memset(slot + VPT_FS_HEADER, 0, 16);
            assert_status(vpt_fs_submit(&fs, &message, slot), VPT_OK);
        }
        assert_status(vpt_requests_kick(&fs.requests), VPT_OK);
        for (uint64_t began = now(); back != 8 && now() - began < FIXTURE_WAIT;) {
            while (vpt_requests_poll(&fs.requests, &completion) == VPT_OK) {
                bool root = ((uint8_t *)completion.token)[16] == 1;

                assert_status(completion.status, root ? VPT_OK : VPT_DEVICE_IO_ERROR);
                assert_that(completion.length == (root ? 120 : 16));
                back++;
            }
        }
        assert_that(back == 8);
    }
    end();
}

/* The files of the session are gone with it; those of the host stay. */
PLACE_TEST(device_fs, CLEANUP_2_a_restart_on_the_same_memory)
{
    size_t done = 0;

    if (!possible(place)) {
        return;
    }
    start(place);
    folder_write("file", "hello", 5);
    for (unsigned i = 0; i < 3; i++) {
        open_file("file", VPT_FS_READ_ONLY);
        assert_status(vpt_device_reset(placed.device), VPT_OK);
        assert_status(vpt_fs_read(&fs, &file, 0, seen, 5, &done), VPT_CALLER_STATE);
        assert_status(vpt_driver_restart(&fs.driver, NULL), VPT_OK);
        assert_status(vpt_fs_read(&fs, &file, 0, seen, 5, &done), VPT_CALLER_STATE);
        assert_status(vpt_fs_begin(&fs), VPT_OK);
        assert_status(vpt_fs_read(&fs, &file, 0, seen, 5, &done), VPT_CALLER_STATE);
        open_file("file", VPT_FS_READ_ONLY);
        assert_status(vpt_fs_read(&fs, &file, 0, seen, 5, &done), VPT_OK);
        assert_that(done == 5 && memcmp(seen, "hello", 5) == 0);
        assert_status(vpt_fs_close(&fs, &file), VPT_OK);
    }
    end();
}

PLACE_TEST(device_fs, D_FS_1_a_legacy_interface_is_refused)
{
    if (access(SERVER, X_OK) != 0 || geteuid() != 0 || place->transport != MMIO_1) {
        return;
    }
    start_place(place);
    assert_status(vpt_fs_open(&fs, placed.device), VPT_UNSUPPORTED_FEATURE);
    end_place();
}
