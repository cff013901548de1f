/* What the oracle's two parts know of each other. */
#ifndef NETSIM_ORACLE_H
#define NETSIM_ORACLE_H

#include <stdbool.h>

#include <linux/bpf.h>

#define LOG_BYTES (16 << 20)

/* The verifier's log of the last load. */
extern char kernel_log[LOG_BYTES];

/* Prints a sentence on stderr and ends with status 2. */
void die(const char *format, ...);

/* Make a map or a program known to the commands under its name. */
void register_map(const char *name, int fd);
void register_prog(const char *name, int fd);

/* File descriptor of a map that is known; ends when it is not. */
int find_map_fd(const char *name);

/* Loads the object if it has a legacy maps section. Returns false, and does nothing, if it has none. */
bool load_legacy(const char *path, enum bpf_prog_type kind, int *error);

#endif
