/* SPDX-License-Identifier: MIT */
/* Loads a kernel: an ELF file whose note names the entry in 32-bit mode (the PVH protocol). */
#include "guest.h"

#define MAGIC 0x464c457fu

#define PT_LOAD 1u
#define PT_NOTE 4u

#define NOTE_ENTRY 18u /* XEN_ELFNOTE_PHYS32_ENTRY */

struct elf_header {
    uint32_t magic;
    uint8_t unnamed_04[28];
    uint64_t segments; /* offset in the file */
    uint8_t unnamed_28[14];
    uint16_t segment_size;
    uint16_t segment_count;
    uint8_t unnamed_3a[6];
};

struct elf_segment {
    uint32_t type;
    uint32_t flags;
    uint64_t offset;
    uint64_t virtual;
    uint64_t physical;
    uint64_t file_size;
    uint64_t memory_size;
    uint64_t alignment;
};

struct elf_note {
    uint32_t name_size; /* the name has 4 bytes */
    uint32_t size;
    uint32_t type;
    char name[4];
    uint32_t value;
};

static bool copy(struct guest *guest, const uint8_t *file, const struct elf_segment *segment)
{
    if (segment->physical > GUEST_MEMORY || segment->file_size > GUEST_MEMORY - segment->physical) {
        return false;
    }
    for (uint64_t i = 0; i < segment->file_size; i++) {
        guest->memory[segment->physical + i] = file[segment->offset + i];
    }
    return true;
}

uint64_t guest_load(struct guest *guest, const uint8_t *file, uint32_t size)
{
    const struct elf_header *header = (const void *)file;
    uint64_t entry = 0;

    if (size < sizeof(*header) || header->magic != MAGIC || header->segment_size != sizeof(struct elf_segment) ||
        header->segments > size || header->segment_count > (size - header->segments) / sizeof(struct elf_segment)) {
        return 0;
    }
    for (unsigned i = 0; i < header->segment_count; i++) {
        const struct elf_segment *segment = (const void *)(file + header->segments + i * sizeof(*segment));
        const struct elf_note *note = (const void *)(file + segment->offset);

        if (segment->offset > size || segment->file_size > size - segment->offset ||
            (segment->type == PT_LOAD && !copy(guest, file, segment))) {
            return 0;
        }
        if (segment->type == PT_NOTE && segment->file_size >= sizeof(*note) && note->type == NOTE_ENTRY) {
            entry = note->value;
        }
    }
    return entry;
}
