/* SPDX-License-Identifier: MIT */
/* The page about the simulated device says of each fault, space and deed what the simulated device has. */
#include "support.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "mock.h"

TestSuite(lies_page, .timeout = 30);

static char page[1u << 17];

/* MOCK_PAGE is the file's name. */
static void read_page(void)
{
    FILE *file = fopen(MOCK_PAGE, "r");
    size_t size;

    cr_assert(file != NULL, "no %s", MOCK_PAGE);
    size = fread(page, 1, sizeof(page) - 1u, file);
    (void)fclose(file);
    cr_assert(size > 1000 && size < sizeof(page) - 1u);
    page[size] = '\0';
}

/* How many times `text` is on the page. */
static unsigned occurrences(const char *text)
{
    unsigned count = 0;

    for (const char *at = page; (at = strstr(at, text)) != NULL; at++) {
        count++;
    }
    return count;
}

#define NAME(status)    \
    {                   \
        status, #status \
    }

static const struct {
    enum vpt_status status;
    const char *name;
} names[] = {
    NAME(VPT_OK),
    NAME(VPT_EMPTY_SLOT),
    NAME(VPT_DEVICE_STUCK),
    NAME(VPT_DEVICE_NEEDS_RESET),
    NAME(VPT_DEVICE_TIMEOUT),
    NAME(VPT_DEVICE_MAGIC),
    NAME(VPT_DEVICE_FEATURES),
    NAME(VPT_DEVICE_FEATURES_REFUSED),
    NAME(VPT_DEVICE_QUEUE_SIZE),
    NAME(VPT_DEVICE_QUEUE_STATE),
    NAME(VPT_DEVICE_CONFIG),
    NAME(VPT_DEVICE_CONFIG_UNSTABLE),
    NAME(VPT_DEVICE_USED_INDEX),
    NAME(VPT_DEVICE_USED_ID),
    NAME(VPT_DEVICE_IO_ERROR),
    NAME(VPT_DEVICE_REQUEST_STATUS),
    NAME(VPT_DEVICE_PCI_COMMAND),
    NAME(VPT_DEVICE_NOTIFY_OFFSET),
    NAME(VPT_UNSUPPORTED_VERSION),
    NAME(VPT_UNSUPPORTED_QUEUE),
    NAME(VPT_UNSUPPORTED_REQUEST),
};

static const char *name_of(enum vpt_status status)
{
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (names[i].status == status) {
            return names[i].name;
        }
    }
    cr_assert_fail("\"%s\" is missing in the table above", vpt_status_str(status));
    return "";
}

/* A fault's row, up to the column that is free text. */
static void row_of(const struct mock_fault_description *fault, char *row, size_t size)
{
    char name[64];
    size_t length = strlen(fault->name);
    int used;

    cr_assert(length < sizeof(name));
    for (size_t i = 0; i <= length; i++) {
        name[i] = fault->name[i] == '-' ? '_' : (char)toupper((unsigned char)fault->name[i]);
    }
    used = snprintf(row, size, "| `%s` | %s | `%s`", name, fault->effect, name_of(fault->modern));
    if (fault->legacy != fault->modern) {
        used += snprintf(row + used, size - (size_t)used, "; legacy `%s`", name_of(fault->legacy));
    }
    if (fault->pci != VPT_OK) {
        used += snprintf(row + used, size - (size_t)used, "; PCI `%s`", name_of(fault->pci));
    }
    used += snprintf(row + used, size - (size_t)used, " |");
    cr_assert(used > 0 && (size_t)used < size);
}

Test(lies_page, the_tables_of_faults_and_profiles_are_those_of_the_code)
{
    char row[300];

    read_page();
    for (unsigned i = 0; i < MOCK_FAULT_PCI_END; i++) {
        row_of(mock_fault_describe((enum mock_fault)i), row, sizeof(row));
        cr_assert(occurrences(row) == 1, "not on the page once: %s", row);
    }
    for (unsigned i = 0; i < MOCK_PROFILES; i++) {
        (void)snprintf(row, sizeof(row), "| `%s` | %s |", mock_profiles[i].name, mock_profiles[i].oddity);
        cr_assert(occurrences(row) == 1, "not on the page once: %s", row);
    }
    cr_assert(occurrences("\n| `") == MOCK_FAULT_PCI_END + MOCK_PROFILES + MOCK_SPACES + MOCK_LIE_HOWS - 1u);
}

static void check_constant(const char *prefix, const char *name)
{
    char row[64];
    int used = snprintf(row, sizeof(row), "\n| `%s", prefix);

    for (; *name != '\0'; name++) {
        row[used++] = *name == '-' || *name == ' ' ? '_' : (char)toupper((unsigned char)*name);
        cr_assert((size_t)used < sizeof(row) - 2u);
    }
    row[used] = '`';
    row[used + 1] = '\0';
    cr_assert(occurrences(row) == 1, "not on the page once: %s", row);
}

Test(lies_page, the_tables_of_spaces_and_of_what_can_happen_there_are_complete)
{
    read_page();
    for (unsigned i = 0; i < MOCK_SPACES; i++) {
        if (i != MOCK_SPACE_MSIX) {
            check_constant("MOCK_SPACE_", mock_space_name((enum mock_space)i));
        }
    }
    cr_assert(occurrences("\n| `MOCK_SPACE_MSIX`") == 1);
    for (unsigned i = MOCK_LIE_VALUE; i < MOCK_LIE_HOWS; i++) {
        check_constant("MOCK_LIE_", mock_lie_name((enum mock_lie_how)i));
    }
}
