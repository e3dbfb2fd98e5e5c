/* SPDX-License-Identifier: MIT */
/* The 9P driver on QEMU's server: a folder of the host, of which this process sees the other side. */
#define _DEFAULT_SOURCE /* mkdtemp() */
#include "qemu_place.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

TestSuite(device_9p, .timeout = 60);

#define ROOT  0u /* fids */
#define FILE_ 1u
#define LONG  200001u /* bytes */
#define FILES 300u
#define SLOTS 8u

#define NO_ENTRY  2u /* Linux's error numbers */
#define EXISTS    17u
#define NOT_EMPTY 39u

static struct vpt_9p p9;
static char folder[32];
static uint8_t bytes[LONG];
static uint8_t seen[LONG + 1u];

/* ---- The host ---- */

static const char *path_of(const char *name)
{
    static char path[sizeof(folder) + 300u];

    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

static void host_write(const char *name, const void *from, size_t size)
{
    int file = open(path_of(name), O_WRONLY | O_CREAT | O_TRUNC, 0644);

    assert_that(file >= 0 && write(file, from, size) == (ssize_t)size && close(file) == 0);
}

/* The whole file is in `seen` then; returns its size. */
static size_t host_read(const char *name)
{
    int file = open(path_of(name), O_RDONLY);
    ssize_t size;

    assert_that(file >= 0);
    size = read(file, seen, sizeof(seen));
    assert_that(size >= 0 && close(file) == 0);
    return (size_t)size;
}

static bool host_has(const char *name)
{
    struct stat status;

    return stat(path_of(name), &status) == 0;
}

static void host_remove_all(void)
{
    DIR *directory = opendir(folder);
    struct dirent *entry;

    assert_that(directory != NULL);
    while ((entry = readdir(directory)) != NULL) {
        if (entry->d_name[0] != '.') {
            assert_that(remove(path_of(entry->d_name)) == 0);
        }
    }
    assert_that(closedir(directory) == 0 && rmdir(folder) == 0);
}

/* ---- The machine ---- */

static void session(uint32_t msize)
{
    assert_status(vpt_9p_version(&p9, msize), VPT_OK);
    assert_status(vpt_9p_attach(&p9, ROOT, "root", ""), VPT_OK);
}

static void start(const struct place *place, const char *throttling)
{
    char fsdev[sizeof(folder) + 100u];
    struct fixture_options options = { .arguments = { "-fsdev", fsdev } };
    char tag[16];

    (void)strcpy(folder, "/tmp/vpt-9p-XXXXXX");
    assert_that(mkdtemp(folder) != NULL);
    (void)snprintf(fsdev, sizeof(fsdev), "local,id=f0,path=%s,security_model=none%s", folder, throttling);
    place_start(place, "virtio-9p", ",fsdev=f0,mount_tag=vptshare", &options);
    assert_status(vpt_9p_open(&p9, placed.device), VPT_OK);
    fixture_check_ring(placed.device);
    assert_status(vpt_9p_get_tag(&p9, tag, sizeof(tag)), VPT_OK);
    assert_that(strcmp(tag, "vptshare") == 0);
    session(VPT_9P_MSIZE);
}

static void end(void)
{
    assert_that(vpt_qtest_counts(fixture.qtest).shares == 0);
    assert_status(vpt_device_reset(placed.device), VPT_OK);
    assert_status(vpt_driver_release(&p9.driver), VPT_OK);
    place_finish();
    host_remove_all();
}

static void open_file(const char *path, uint32_t flags)
{
    assert_status(vpt_9p_walk(&p9, ROOT, FILE_, path), VPT_OK);
    assert_status(vpt_9p_open_file(&p9, FILE_, flags), VPT_OK);
}

/* ---- Tests ---- */

PLACE_TEST(device_9p, what_the_host_wrote_is_read)
{
    static const uint32_t sizes[] = { VPT_9P_MSIZE, 8192 };
    struct vpt_9p_attributes attributes;
    size_t done = 0;

    start(place, "");
    fill(bytes, sizeof(bytes), 1);
    host_write("long", bytes, sizeof(bytes));
    host_write("empty", bytes, 0);
    for (unsigned i = 0; i < COUNT_OF(sizes); i++) {
        session(sizes[i]);
        assert_that(p9.msize == sizes[i]);
        open_file("long", VPT_9P_READ_ONLY);
        assert_status(vpt_9p_get_attributes(&p9, FILE_, &attributes), VPT_OK);
        assert_that(attributes.size == LONG && attributes.mode == (VPT_9P_MODE_FILE | 0644u));
        memset(seen, 0, sizeof(seen));
        assert_status(vpt_9p_read(&p9, FILE_, 0, seen, sizeof(seen), &done), VPT_OK);
        assert_that(done == LONG && filled(seen, LONG, 1));
        assert_status(vpt_9p_read(&p9, FILE_, LONG - 10u, seen, 100, &done), VPT_OK);
        assert_that(done == 10 && memcmp(seen, bytes + LONG - 10u, 10) == 0);
        assert_status(vpt_9p_clunk(&p9, FILE_), VPT_OK);
        open_file("empty", VPT_9P_READ_ONLY);
        assert_status(vpt_9p_read(&p9, FILE_, 0, seen, 10, &done), VPT_OK);
        assert_that(done == 0);
    }
    end();
}

PLACE_TEST(device_9p, the_host_sees_what_is_made_written_and_removed)
{
    static const char text[] = "and its own line\n";
    size_t done = 0;

    start(place, "");
    fill(bytes, sizeof(bytes), 2);
    assert_status(vpt_9p_make_directory(&p9, ROOT, "new", 0755), VPT_OK);
    assert_status(vpt_9p_walk(&p9, ROOT, FILE_, "new"), VPT_OK);
    assert_status(vpt_9p_create_file(&p9, FILE_, "file", VPT_9P_READ_WRITE, 0600), VPT_OK);
    assert_status(vpt_9p_write(&p9, FILE_, 0, bytes, LONG, &done), VPT_OK);
    assert_that(done == LONG && host_read("new/file") == LONG && memcmp(seen, bytes, LONG) == 0);
    memset(seen, 0, sizeof(seen));
    assert_status(vpt_9p_read(&p9, FILE_, 0, seen, sizeof(seen), &done), VPT_OK);
    assert_that(done == LONG && memcmp(seen, bytes, LONG) == 0);
    assert_status(vpt_9p_clunk(&p9, FILE_), VPT_OK);

    open_file("new/file", VPT_9P_WRITE_ONLY | VPT_9P_TRUNCATE);
    assert_status(vpt_9p_write(&p9, FILE_, 5, text, sizeof(text) - 1u, &done), VPT_OK);
    assert_that(host_read("new/file") == sizeof(text) + 4u && memcmp(seen, "\0\0\0\0\0and", 8) == 0);
    assert_status(vpt_9p_clunk(&p9, FILE_), VPT_OK);

    assert_status(vpt_9p_remove(&p9, ROOT, "new", true), VPT_DEVICE_IO_ERROR);
    assert_that(p9.error == NOT_EMPTY);
    assert_status(vpt_9p_walk(&p9, ROOT, FILE_, "new"), VPT_OK);
    assert_status(vpt_9p_remove(&p9, FILE_, "file", false), VPT_OK);
    assert_that(host_has("new") && !host_has("new/file"));
    assert_status(vpt_9p_remove(&p9, ROOT, "new", true), VPT_OK);
    assert_that(!host_has("new"));
    end();
}

PLACE_TEST(device_9p, a_reason_comes_with_what_is_refused)
{
    start(place, "");
    host_write("file", "x", 1);
    assert_status(vpt_9p_walk(&p9, ROOT, FILE_, "missing"), VPT_DEVICE_IO_ERROR);
    assert_that(p9.error == NO_ENTRY);
    p9.error = 0;
    assert_status(vpt_9p_walk(&p9, ROOT, FILE_, "file/missing/other"), VPT_DEVICE_IO_ERROR);
    assert_that(p9.error == NO_ENTRY);
    assert_status(vpt_9p_clunk(&p9, FILE_), VPT_DEVICE_IO_ERROR); /* the fid is not in use */
    assert_status(vpt_9p_walk(&p9, ROOT, FILE_, ""), VPT_OK);
    assert_status(vpt_9p_create_file(&p9, FILE_, "file", VPT_9P_WRITE_ONLY | VPT_9P_EXCLUSIVE, 0644),
                  VPT_DEVICE_IO_ERROR);
    assert_that(p9.error == EXISTS);
    assert_status(vpt_9p_remove(&p9, ROOT, "missing", false), VPT_DEVICE_IO_ERROR);
    assert_that(p9.error == NO_ENTRY);
    end();
}

PLACE_TEST(device_9p, many_files_are_listed_once_each)
{
    static const uint32_t sizes[] = { VPT_9P_LIST_MIN, 4000, sizeof(bytes) };
    char name[VPT_9P_NAME_MAX + 1u];

    start(place, "");
    for (unsigned i = 0; i < FILES; i++) {
        (void)snprintf(name, sizeof(name), "%03u-%0*u", i, i % 60u == 0 ? 251 : (int)(i % 50u) + 1, 0u);
        host_write(name, bytes, i);
    }
    for (unsigned k = 0; k < COUNT_OF(sizes); k++) {
        struct vpt_9p_list list = { .fid = FILE_, .buffer = bytes, .size = sizes[k] };
        bool there[FILES] = { false };
        struct vpt_9p_entry entry;
        enum vpt_status status;
        unsigned count = 0;

        open_file("", VPT_9P_READ_ONLY | VPT_9P_DIRECTORY);
        while ((status = vpt_9p_next_entry(&p9, &list, &entry)) == VPT_OK) {
            unsigned n = (unsigned)strtoul(entry.name, NULL, 10);

            if (entry.name[0] == '.') {
                assert_that(entry.type == 4 || entry.type == 0);
                continue;
            }
            assert_that(n < FILES && !there[n] && host_has(entry.name) && (entry.type == 8 || entry.type == 0));
            there[n] = true;
            count++;
        }
        assert_status(status, VPT_EMPTY);
        assert_that(count == FILES);
        assert_status(vpt_9p_clunk(&p9, FILE_), VPT_OK);
    }
    end();
}

/* Messages of a kernel's own client: all slots at once, asking for the attributes of the root, or of no fid. */
PLACE_TEST(device_9p, D_9P_7_several_messages_are_in_flight)
{
    start(place, "");
    for (unsigned round = 0; round < 10; round++) {
        struct vpt_completion completion;
        uint32_t back = 0;

        for (uint32_t i = 0; i < SLOTS; i++) {
            uint8_t *slot = vpt_requests_next(&p9.requests);

            memcpy(slot + VPT_9P_HEADER, "\0\0\0\0\xff\x07\0\0\0\0\0", 12);
            slot[VPT_9P_HEADER] = (uint8_t)(i % 2u);
            assert_status(vpt_9p_submit(&p9, &(const struct vpt_9p_message){ .type = 24, .size = 19 }, slot), VPT_OK);
        }
        assert_status(vpt_requests_kick(&p9.requests), VPT_OK);
        for (uint64_t began = now(); back != (1u << SLOTS) - 1u && now() - began < FIXTURE_WAIT;) {
            while (vpt_requests_poll(&p9.requests, &completion) == VPT_OK) {
                const uint8_t *slot = completion.token;

                assert_status(completion.status, slot[VPT_9P_HEADER] == 0 ? VPT_OK : VPT_DEVICE_IO_ERROR);
                assert_that(completion.length == (slot[VPT_9P_HEADER] == 0 ? 160 : 11));
                back |= 1u << slot[VPT_9P_MESSAGE_MAX + 5u];
            }
        }
        assert_that(back == (1u << SLOTS) - 1u);
    }
    end();
}

/* The server has forgotten the session; the files stay. */
PLACE_TEST(device_9p, CLEANUP_2_a_restart_on_the_same_memory)
{
    size_t done = 0;

    start(place, "");
    host_write("file", "hello", 5);
    for (unsigned i = 0; i < 3; i++) {
        open_file("file", VPT_9P_READ_ONLY);
        assert_status(vpt_device_reset(placed.device), VPT_OK);
        assert_status(vpt_9p_read(&p9, FILE_, 0, seen, 5, &done), VPT_CALLER_STATE);
        assert_status(vpt_driver_restart(&p9.driver, NULL), VPT_OK);
        assert_status(vpt_9p_read(&p9, FILE_, 0, seen, 5, &done), VPT_CALLER_STATE);
        session(8192);
        open_file("file", VPT_9P_READ_ONLY);
        assert_status(vpt_9p_read(&p9, FILE_, 0, seen, 5, &done), VPT_OK);
        assert_that(done == 5 && memcmp(seen, "hello", 5) == 0);
        assert_status(vpt_9p_clunk(&p9, FILE_), VPT_OK);
    }
    end();
}

/* QEMU holds reads back, one a second, longer than the port waits; with Tflush the session goes on. */
PLACE_TEST(device_9p, a_message_that_is_given_up_comes_back)
{
    uint64_t began;
    size_t done = 0;

    if (place->machine != VPT_QTEST_Q35 && place->transport != MMIO_2) {
        return;
    }
    start(place, ",throttling.iops-read=1");
    host_write("file", "hello", 5);
    open_file("file", VPT_9P_READ_ONLY);
    placed.patience = 700;
    for (unsigned i = 0; i < 3; i++) {
        began = now();
        memset(seen, 0, 5);
        assert_status(vpt_9p_read(&p9, FILE_, 0, seen, 5, &done), VPT_OK);
        assert_that(done == 5 && memcmp(seen, "hello", 5) == 0);
    }
    assert_that(now() - began > 700); /* the last one was given up, and came */
    assert_that(vpt_qtest_counts(fixture.qtest).shares == 0);
    placed.patience = 0;
    session(8192);
    end();
}
