/* SPDX-License-Identifier: MIT */
#define _DEFAULT_SOURCE /* mkdtemp() */
#include "qemu_folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[32];

static const char *path_of(const char *name)
{
    static char path[sizeof(folder) + 300u];

    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

const char *folder_make(void)
{
    (void)strcpy(folder, "/tmp/vpt-folder-XXXXXX");
    assert_that(mkdtemp(folder) != NULL);
    return folder;
}

void folder_remove(void)
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

void folder_write(const char *name, const void *bytes, size_t size)
{
    int file = open(path_of(name), O_WRONLY | O_CREAT | O_TRUNC, 0644);

    assert_that(file >= 0 && write(file, bytes, size) == (ssize_t)size && close(file) == 0);
}

bool folder_file_is(const char *name, const void *bytes, size_t size)
{
    int file = open(path_of(name), O_RDONLY);
    uint8_t *seen = malloc(size + 1u);
    bool is;

    assert_that(file >= 0 && seen != NULL);
    is = read(file, seen, size + 1u) == (ssize_t)size && memcmp(seen, bytes, size) == 0;
    free(seen);
    assert_that(close(file) == 0);
    return is;
}

bool folder_has(const char *name)
{
    struct stat status;

    return stat(path_of(name), &status) == 0;
}
