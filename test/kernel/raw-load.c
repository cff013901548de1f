/*
 * Loads programs that netsim has linked, with nothing but the bpf system call, and runs them: what a loader makes of an object does not
 * matter then. Requests come on stdin, a word or a line of hex at a time; each `go` is answered by one JSON line:
 *
 *     map TYPE KEY_SIZE VALUE_SIZE MAX_ENTRIES FLAGS EXTRA INNER FROZEN HEX   INNER: number of an earlier map or -1; HEX: the value or -
 *     slot MAP KEY TARGET                                                    a map into a map of maps
 *     prog TYPE ATTACH FLAGS LICENSE HEX
 *     reloc INSN PSEUDO MAP OFFSET                                           into the wide load at INSN
 *     packet HEX
 *     go
 *
 * Needs root. Runs on CPU 0 and in a network namespace of its own, so that device 1 is its lo and nothing else is there.
 */
#include <errno.h>
#include <linux/bpf.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MAX_MAPS 512
#define MAX_PACKETS 64
#define MAX_BYTES (1 << 26)
#define OUT_BYTES 65536
#define LOG_BYTES (1 << 24)

static struct {
	int fd;
	unsigned type;
} maps[MAX_MAPS];
static struct {
	unsigned char *bytes;
	size_t size;
} packets[MAX_PACKETS];
static struct bpf_insn *insns;
static size_t insn_count;
static char line[MAX_BYTES], verifier_log[LOG_BYTES], failed[128], license[128];
static int map_count, packet_count;
static unsigned prog_type, prog_attach, prog_flags;

static long sys_bpf(int cmd, union bpf_attr *attr)
{
	return syscall(__NR_bpf, cmd, attr, sizeof(*attr));
}

static unsigned char *unhex(const char *hex, size_t *size)
{
	unsigned char *bytes = malloc(strlen(hex) / 2 + 1);
	unsigned byte;

	for (*size = 0; sscanf(hex, "%2x", &byte) == 1; hex += 2)
		bytes[(*size)++] = byte;
	return bytes;
}

static void fail(const char *what)
{
	if (failed[0] == 0)
		snprintf(failed, sizeof(failed), "%s: %s", what, strerror(errno));
}

static void create_map(char *args)
{
	unsigned type, key, value, max, flags;
	unsigned long long extra;
	int inner, frozen, at = 0;
	size_t size;

	if (map_count == MAX_MAPS ||
	    sscanf(args, "%u %u %u %u %u %llu %d %d %n", &type, &key, &value, &max, &flags, &extra, &inner, &frozen, &at) < 8)
		exit(2);
	union bpf_attr attr = {
		.map_type = type, .key_size = key, .value_size = value, .max_entries = max, .map_flags = flags,
		.map_extra = extra, .inner_map_fd = inner < 0 ? 0 : maps[inner].fd,
	};
	int fd = sys_bpf(BPF_MAP_CREATE, &attr);

	if (fd < 0) {
		char what[64];

		snprintf(what, sizeof(what), "map %d of type %u", map_count, type);
		fail(what);
	}
	maps[map_count].fd = fd;
	maps[map_count++].type = type;
	if (args[at] != '-' && fd >= 0) {
		unsigned char *bytes = unhex(args + at, &size);
		unsigned zero = 0;
		union bpf_attr set = { .map_fd = fd, .key = (unsigned long)&zero, .value = (unsigned long)bytes };

		if (sys_bpf(BPF_MAP_UPDATE_ELEM, &set) != 0)
			fail("map contents");
		free(bytes);
	}
	union bpf_attr freeze = { .map_fd = fd };

	if (frozen && fd >= 0)
		sys_bpf(BPF_MAP_FREEZE, &freeze);
}

static void run(int fd)
{
	static unsigned char out[OUT_BYTES];

	printf(",\"runs\":[");
	for (int i = 0; i < packet_count; i++) {
		union bpf_attr attr = {
			.test = { .prog_fd = fd, .data_in = (unsigned long)packets[i].bytes,
				  .data_size_in = packets[i].size, .data_out = (unsigned long)out,
				  .data_size_out = sizeof(out), .repeat = 1 },
		};

		printf(i == 0 ? "\"" : ",\"");
		if (sys_bpf(BPF_PROG_TEST_RUN, &attr) != 0) {
			printf("errno %d", errno);
		} else {
			printf("%u ", attr.test.retval);
			for (unsigned b = 0; b < attr.test.data_size_out; b++)
				printf("%02x", out[b]);
		}
		putchar('"');
	}
	putchar(']');
}

static void load(void)
{
	verifier_log[0] = 0;
	union bpf_attr attr = {
		.prog_type = prog_type, .expected_attach_type = prog_attach, .prog_flags = prog_flags,
		.insns = (unsigned long)insns, .insn_cnt = insn_count, .license = (unsigned long)license,
		.log_buf = (unsigned long)verifier_log, .log_size = LOG_BYTES, .log_level = 1,
	};
	int fd = failed[0] ? -1 : sys_bpf(BPF_PROG_LOAD, &attr);

	if (fd < 0)
		fail("program");
	printf("{\"loaded\":%s,\"failed\":\"%s\",\"log\":\"", fd < 0 ? "false" : "true", failed);
	/* the sentence stands before the counters, at the end */
	size_t end = strlen(verifier_log), from = end > 600 ? end - 600 : 0;
	for (size_t i = from; fd < 0 && i < end; i++) {
		char c = verifier_log[i];

		if (c == '"' || c == '\\' || (unsigned char)c < 32)
			c = c == '\n' ? '|' : ' ';
		putchar(c);
	}
	putchar('"');
	if (fd >= 0) {
		run(fd);
		close(fd);
	}
	printf("}\n");
	fflush(stdout);
}

static void forget(void)
{
	for (int i = 0; i < map_count; i++)
		if (maps[i].fd >= 0)
			close(maps[i].fd);
	for (int i = 0; i < packet_count; i++)
		free(packets[i].bytes);
	free(insns);
	insns = NULL;
	map_count = packet_count = 0;
	failed[0] = 0;
}

int main(void)
{
	cpu_set_t one;
	size_t size;
	int at;

	CPU_ZERO(&one);
	CPU_SET(0, &one);
	if (sched_setaffinity(0, sizeof(one), &one) != 0 || unshare(CLONE_NEWNET) != 0) {
		perror("raw-load");
		return 2;
	}
	while (fgets(line, sizeof(line), stdin) != NULL) {
		line[strcspn(line, "\n")] = 0;
		if (strncmp(line, "map ", 4) == 0) {
			create_map(line + 4);
		} else if (strncmp(line, "slot ", 5) == 0) {
			unsigned map, key, target;

			if (sscanf(line + 5, "%u %u %u", &map, &key, &target) != 3)
				return 2;
			union bpf_attr attr = { .map_fd = maps[map].fd, .key = (unsigned long)&key,
						.value = (unsigned long)&maps[target].fd };
			if (sys_bpf(BPF_MAP_UPDATE_ELEM, &attr) != 0)
				fail("slot");
		} else if (strncmp(line, "prog ", 5) == 0) {
			if (sscanf(line + 5, "%u %u %u %127s %n", &prog_type, &prog_attach, &prog_flags, license, &at) < 4)
				return 2;
			insns = (struct bpf_insn *)unhex(line + 5 + at, &size);
			insn_count = size / sizeof(*insns);
			for (char *c = license; *c; c++)
				if (*c == '_')
					*c = ' ';
		} else if (strncmp(line, "reloc ", 6) == 0) {
			unsigned insn, pseudo, map, offset;

			if (sscanf(line + 6, "%u %u %u %u", &insn, &pseudo, &map, &offset) != 4)
				return 2;
			insns[insn].src_reg = pseudo;
			insns[insn].imm = maps[map].fd;
			insns[insn + 1].imm = offset;
		} else if (strncmp(line, "packet ", 7) == 0 && packet_count < MAX_PACKETS) {
			packets[packet_count].bytes = unhex(line + 7, &size);
			packets[packet_count++].size = size;
		} else if (strcmp(line, "go") == 0) {
			load();
			forget();
		}
	}
	return 0;
}
