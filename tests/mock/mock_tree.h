/* SPDX-License-Identifier: MIT */
/* A few files and directories in memory, for simulated devices that share a folder. */
#ifndef VPT_TESTS_MOCK_TREE_H
#define VPT_TESTS_MOCK_TREE_H

#include <stdbool.h>
#include <stdint.h>

#define MOCK_TREE_NODES 80u
#define MOCK_TREE_BYTES 20000u /* of a file */
#define MOCK_TREE_NAME  256u
#define MOCK_TREE_ROOT  0u

struct mock_tree_node {
    bool used;
    bool directory;
    uint32_t parent;
    uint32_t mode; /* permissions */
    char name[MOCK_TREE_NAME];
    uint32_t size;
    uint8_t bytes[MOCK_TREE_BYTES];
};

struct mock_tree {
    struct mock_tree_node nodes[MOCK_TREE_NODES]; /* the first one is the root */
};

/* No files but an empty root. */
void mock_tree_clear(struct mock_tree *tree);

/* Makes a file or a directory in another one. Returns its number, or MOCK_TREE_NODES if there are too many. */
uint32_t mock_tree_make(struct mock_tree *tree, uint32_t parent, const char *name, bool directory);

/* The number of what a name in a directory is, or MOCK_TREE_NODES. */
uint32_t mock_tree_find(const struct mock_tree *tree, uint32_t parent, const char *name);

/* Whether anything is in a directory. */
bool mock_tree_has_children(const struct mock_tree *tree, uint32_t node);

#endif
