/*
 * The oracle: asks the running kernel what a program does with a packet.
 *
 * Reads commands on stdin, one a line, words separated by single spaces, bytes in hex; answers on stdout, one JSON
 * object a line, in the order of the commands that answer. README.md beside this file lists both.
 *
 * Objects with BTF maps are loaded by libbpf, those with a legacy `maps` section by oracle-legacy.c.
 */
#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>

#include "oracle.h"

#define MAX_OBJECTS_OF_A_KIND 64
#define LINE_BYTES (1 << 20)
#define PACKET_BYTES (64 * 1024)

struct live_map {
	const char *name;
	int fd;
	__u32 type;
	__u32 key_size;
	__u32 value_size;
	__u32 max_entries;
	bool readonly; /* for programs */
	struct perf_buffer *perf;
	struct ring_buffer *ring;
};

struct live_prog {
	const char *name;
	int fd;
};

static struct live_map maps[MAX_OBJECTS_OF_A_KIND];
static int map_count;
static struct live_prog progs[MAX_OBJECTS_OF_A_KIND];
static int prog_count;
char kernel_log[LOG_BYTES];
static int num_cpus;

/* What the sample callbacks gathered since the last run: JSON objects separated by commas. */
static char records[1 << 20];
static size_t records_len;

void die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("oracle: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	exit(2);
}

/* --- bytes and text -------------------------------------------------------------------------------------------- */

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	die("not a hex digit: %c", c);
	return 0;
}

static size_t parse_hex(const char *text, __u8 *out, size_t room)
{
	size_t digits = strlen(text);

	if (digits % 2 || digits / 2 > room)
		die("bad length of hex text: %zu digits for %zu bytes", digits, room);
	for (size_t i = 0; i < digits / 2; i++)
		out[i] = hex_digit(text[2 * i]) << 4 | hex_digit(text[2 * i + 1]);
	return digits / 2;
}

static void print_hex(const __u8 *bytes, size_t count)
{
	putchar('"');
	for (size_t i = 0; i < count; i++)
		printf("%02x", bytes[i]);
	putchar('"');
}

static void print_json_string(const char *text)
{
	putchar('"');
	for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
		if (*c == '"' || *c == '\\')
			printf("\\%c", *c);
		else if (*c < 0x20)
			printf("\\u%04x", *c);
		else
			putchar(*c);
	}
	putchar('"');
}

/* --- what is loaded -------------------------------------------------------------------------------------------- */

static struct live_map *find_map(const char *name)
{
	for (int i = 0; i < map_count; i++)
		if (!strcmp(maps[i].name, name))
			return &maps[i];
	die("no such map: %s", name);
	return NULL;
}

int find_map_fd(const char *name)
{
	return find_map(name)->fd;
}

static int find_prog(const char *name)
{
	for (int i = 0; i < prog_count; i++)
		if (!strcmp(progs[i].name, name))
			return progs[i].fd;
	die("no such program: %s", name);
	return -1;
}

static bool is_percpu(const struct live_map *map)
{
	return map->type == BPF_MAP_TYPE_PERCPU_ARRAY || map->type == BPF_MAP_TYPE_PERCPU_HASH ||
	       map->type == BPF_MAP_TYPE_LRU_PERCPU_HASH;
}

static bool is_array(const struct live_map *map)
{
	return map->type == BPF_MAP_TYPE_ARRAY || map->type == BPF_MAP_TYPE_PERCPU_ARRAY;
}

static size_t padded(size_t size)
{
	return (size + 7) & ~(size_t)7;
}

static void add_record(const char *map, int cpu, const __u8 *bytes, size_t size)
{
	char *at = records + records_len;
	size_t room = sizeof(records) - records_len;
	int used = snprintf(at, room, "%s{\"map\":\"%s\",\"cpu\":%d,\"data\":\"", records_len ? "," : "", map, cpu);

	if (used < 0 || (size_t)used + size * 2 + 4 > room)
		die("too many records");
	for (size_t i = 0; i < size; i++)
		used += sprintf(at + used, "%02x", bytes[i]);
	used += sprintf(at + used, "\"}");
	records_len += used;
}

static void on_perf(void *ctx, int cpu, void *data, __u32 size)
{
	add_record(((struct live_map *)ctx)->name, cpu, data, size);
}

static int on_ring(void *ctx, void *data, size_t size)
{
	add_record(((struct live_map *)ctx)->name, -1, data, size);
	return 0;
}

static void open_buffers(void)
{
	for (int i = 0; i < map_count; i++) {
		struct live_map *map = &maps[i];

		if (map->type == BPF_MAP_TYPE_PERF_EVENT_ARRAY) {
			map->perf = perf_buffer__new(map->fd, 64, on_perf, NULL, map, NULL);
			if (!map->perf)
				die("perf buffer of %s: %s", map->name, strerror(errno));
		} else if (map->type == BPF_MAP_TYPE_RINGBUF) {
			map->ring = ring_buffer__new(map->fd, on_ring, map, NULL);
			if (!map->ring)
				die("ring buffer of %s: %s", map->name, strerror(errno));
		}
	}
}

static void gather_records(void)
{
	for (int i = 0; i < map_count; i++) {
		if (maps[i].perf)
			perf_buffer__consume(maps[i].perf);
		if (maps[i].ring)
			ring_buffer__consume(maps[i].ring);
	}
}

/* --- loading --------------------------------------------------------------------------------------------------- */

static enum bpf_prog_type kind_of(const char *name)
{
	if (!strcmp(name, "xdp"))
		return BPF_PROG_TYPE_XDP;
	if (!strcmp(name, "sched_cls"))
		return BPF_PROG_TYPE_SCHED_CLS;
	if (!strcmp(name, "sched_act"))
		return BPF_PROG_TYPE_SCHED_ACT;
	if (!strcmp(name, "socket_filter"))
		return BPF_PROG_TYPE_SOCKET_FILTER;
	if (!strcmp(name, "cgroup_skb"))
		return BPF_PROG_TYPE_CGROUP_SKB;
	if (!strcmp(name, "syscall"))
		return BPF_PROG_TYPE_SYSCALL;
	die("no such kind of program: %s", name);
	return BPF_PROG_TYPE_UNSPEC;
}

void register_map(const char *name, int fd)
{
	struct bpf_map_info info = {};
	__u32 size = sizeof(info);

	if (map_count == MAX_OBJECTS_OF_A_KIND)
		die("too many maps");
	if (bpf_obj_get_info_by_fd(fd, &info, &size))
		die("map %s: %s", name, strerror(errno));
	maps[map_count++] = (struct live_map){ strdup(name), fd, info.type, info.key_size, info.value_size,
					       info.max_entries, info.map_flags & BPF_F_RDONLY_PROG, NULL, NULL };
}

void register_prog(const char *name, int fd)
{
	if (prog_count == MAX_OBJECTS_OF_A_KIND)
		die("too many programs");
	progs[prog_count++] = (struct live_prog){ strdup(name), fd };
}

static int load_by_libbpf(const char *path, enum bpf_prog_type kind)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .kernel_log_buf = kernel_log, .kernel_log_size = sizeof(kernel_log));
	struct bpf_object *object = bpf_object__open_file(path, &opts);
	struct bpf_program *prog;
	struct bpf_map *map;

	if (!object)
		return errno;
	bpf_object__for_each_program(prog, object)
		if (bpf_program__type(prog) == BPF_PROG_TYPE_UNSPEC)
			bpf_program__set_type(prog, kind);
	if (bpf_object__load(object))
		return errno;
	bpf_object__for_each_map(map, object) {
		const char *name = bpf_map__name(map);
		const char *section = strchr(name, '.'); /* data sections: libbpf puts the object's name in front */

		register_map(section ? section : name, bpf_map__fd(map));
	}
	bpf_object__for_each_program(prog, object)
		register_prog(bpf_program__name(prog), bpf_program__fd(prog));
	return 0;
}

/* The last lines of the verifier's log, which say why. */
static const char *log_tail(int lines)
{
	size_t at = strlen(kernel_log);

	while (at > 0 && lines >= 0) {
		if (kernel_log[at - 1] == '\n' && lines-- == 0)
			break;
		at--;
	}
	return kernel_log + at;
}

static void do_load(char *path, char *kind_name)
{
	enum bpf_prog_type kind = kind_of(kind_name);
	int error = 0;

	kernel_log[0] = '\0';
	if (!load_legacy(path, kind, &error))
		error = load_by_libbpf(path, kind);
	if (error) {
		printf("{\"loaded\":false,\"errno\":%d,\"log\":", error);
		print_json_string(log_tail(12));
		printf("}\n");
		exit(0);
	}
	open_buffers();
	printf("{\"loaded\":true,\"cpus\":%d}\n", num_cpus);
}

/* --- maps ------------------------------------------------------------------------------------------------------ */

static int write_element(const struct live_map *map, const __u8 *key, const __u8 *value, __u64 flags)
{
	__u8 all[padded(map->value_size) * num_cpus];

	if (!is_percpu(map))
		return bpf_map_update_elem(map->fd, key, value, flags);
	memset(all, 0, sizeof(all));
	for (int cpu = 0; cpu < num_cpus; cpu++)
		memcpy(all + cpu * padded(map->value_size), value, map->value_size);
	return bpf_map_update_elem(map->fd, key, all, flags);
}

static void do_map(char *name, char *key_text, char *value_text)
{
	struct live_map *map = find_map(name);
	__u8 key[map->key_size], value[map->value_size];

	if (parse_hex(key_text, key, sizeof(key)) != sizeof(key))
		die("map %s has keys of %zu bytes", name, sizeof(key));
	if (parse_hex(value_text, value, sizeof(value)) != sizeof(value))
		die("map %s has values of %zu bytes", name, sizeof(value));
	if (write_element(map, key, value, BPF_ANY))
		die("update of map %s: %s", name, strerror(errno));
}

/* Slots start .. start+count-1 of an array take the values of the comma-separated list, round and round. */
static void do_fill(char *name, char *start_text, char *count_text, char *list)
{
	struct live_map *map = find_map(name);
	__u32 start = strtoul(start_text, NULL, 10), count = strtoul(count_text, NULL, 10), length = 0;
	static __u8 values[4096][64];

	if (map->value_size > sizeof(values[0]))
		die("values of map %s are too long to fill", name);
	for (char *word = strtok(list, ","); word; word = strtok(NULL, ",")) {
		if (length == 4096)
			die("too many values to fill with");
		if (parse_hex(word, values[length++], map->value_size) != map->value_size)
			die("map %s has values of %u bytes", name, map->value_size);
	}
	for (__u32 i = 0; i < count; i++) {
		__u32 key = start + i;

		if (write_element(map, (__u8 *)&key, values[i % length], BPF_ANY))
			die("update of map %s: %s", name, strerror(errno));
	}
}

static void do_delete(char *name, char *key_text)
{
	struct live_map *map = find_map(name);
	__u8 key[map->key_size];

	parse_hex(key_text, key, sizeof(key));
	if (bpf_map_delete_elem(map->fd, key))
		die("delete from map %s: %s", name, strerror(errno));
}

static void do_prog(char *name, char *slot_text, char *prog_name)
{
	__u32 slot = strtoul(slot_text, NULL, 10);
	int fd = find_prog(prog_name);

	if (bpf_map_update_elem(find_map(name)->fd, &slot, &fd, BPF_ANY))
		die("update of map %s: %s", name, strerror(errno));
}

static void do_dev(char *name, char *slot_text, char *ifindex_text, char *prog_name)
{
	struct live_map *map = find_map(name);
	__u32 slot = strtoul(slot_text, NULL, 10);
	struct bpf_devmap_val value = { .ifindex = strtoul(ifindex_text, NULL, 10), .bpf_prog.fd = -1 };

	if (strcmp(prog_name, "-"))
		value.bpf_prog.fd = find_prog(prog_name);
	if (bpf_map_update_elem(map->fd, &slot, &value, BPF_ANY))
		die("update of map %s: %s", name, strerror(errno));
}

static bool all_zero(const __u8 *bytes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (bytes[i])
			return false;
	return true;
}

static void print_element(const struct live_map *map, const __u8 *key, const __u8 *value, bool first)
{
	printf("%s[", first ? "" : ",");
	print_hex(key, map->key_size);
	for (int cpu = 0; cpu < (is_percpu(map) ? num_cpus : 1); cpu++) {
		putchar(',');
		print_hex(value + cpu * padded(map->value_size), map->value_size);
	}
	putchar(']');
}

/* All elements of all maps that programs can write; of arrays only the slots that are not all zero. */
static void do_dump(void)
{
	printf("{\"maps\":{");
	for (int i = 0, shown = 0; i < map_count; i++) {
		struct live_map *map = &maps[i];
		__u8 key[map->key_size + 1], next[map->key_size + 1];
		__u8 value[padded(map->value_size) * num_cpus];
		bool first = true;

		if (map->readonly)
			continue;
		switch (map->type) {
		case BPF_MAP_TYPE_PERF_EVENT_ARRAY:
		case BPF_MAP_TYPE_RINGBUF:
		case BPF_MAP_TYPE_PROG_ARRAY:
		case BPF_MAP_TYPE_DEVMAP:
		case BPF_MAP_TYPE_DEVMAP_HASH:
			continue;
		}
		printf("%s\"%s\":[", shown++ ? "," : "", map->name);
		for (int end = bpf_map_get_next_key(map->fd, NULL, next); !end;
		     end = bpf_map_get_next_key(map->fd, key, next)) {
			memcpy(key, next, map->key_size);
			memset(value, 0, sizeof(value));
			if (bpf_map_lookup_elem(map->fd, key, value))
				continue;
			if (is_array(map) && all_zero(value, sizeof(value)))
				continue;
			print_element(map, key, value, first);
			first = false;
		}
		putchar(']');
	}
	printf("}}\n");
}

/* --- running --------------------------------------------------------------------------------------------------- */

static void do_run(char *prog_name, char *packet_text, char *ctx_text, char *repeat_text)
{
	static __u8 packet[PACKET_BYTES], out[PACKET_BYTES];
	__u8 ctx_in[sizeof(struct __sk_buff)], ctx_out[sizeof(struct __sk_buff)] = {};
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	int error;

	if (strcmp(packet_text, "-")) {
		opts.data_in = packet;
		opts.data_size_in = parse_hex(packet_text, packet, sizeof(packet));
		opts.data_out = out;
		opts.data_size_out = sizeof(out);
		opts.repeat = strtoul(repeat_text, NULL, 10);
	}
	if (strcmp(ctx_text, "-")) {
		opts.ctx_in = ctx_in;
		opts.ctx_size_in = parse_hex(ctx_text, ctx_in, sizeof(ctx_in));
		opts.ctx_out = ctx_out;
		opts.ctx_size_out = opts.ctx_size_in;
	}
	records_len = 0;
	records[0] = '\0';
	error = bpf_prog_test_run_opts(find_prog(prog_name), &opts) ? errno : 0;
	gather_records();
	if (error) {
		printf("{\"errno\":%d}\n", error);
		return;
	}
	printf("{\"retval\":%u,\"duration\":%u,\"data\":", opts.retval, opts.duration);
	print_hex(out, opts.data_size_out);
	printf(",\"ctx\":");
	print_hex(ctx_out, opts.ctx_size_out);
	printf(",\"records\":[%s]}\n", records);
}

static void do_cpu(char *number)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(strtoul(number, NULL, 10), &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		die("cpu %s: %s", number, strerror(errno));
}

/* --- the command loop ------------------------------------------------------------------------------------------ */

static int quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	return level == LIBBPF_WARN ? vfprintf(stderr, format, args) : 0;
}

int main(void)
{
	static char line[LINE_BYTES];

	libbpf_set_print(quiet);
	num_cpus = libbpf_num_possible_cpus();
	while (fgets(line, sizeof(line), stdin)) {
		char *word[6] = {}, *rest = line;
		int words = 0;

		line[strcspn(line, "\n")] = '\0';
		while (words < 6 && (word[words] = strsep(&rest, " ")))
			words++;
		if (!strcmp(line, ""))
			continue;
		if (!strcmp(word[0], "load") && words == 3)
			do_load(word[1], word[2]);
		else if (!strcmp(word[0], "cpu") && words == 2)
			do_cpu(word[1]);
		else if (!strcmp(word[0], "map") && words == 4)
			do_map(word[1], word[2], word[3]);
		else if (!strcmp(word[0], "fill") && words == 5)
			do_fill(word[1], word[2], word[3], word[4]);
		else if (!strcmp(word[0], "delete") && words == 3)
			do_delete(word[1], word[2]);
		else if (!strcmp(word[0], "prog") && words == 4)
			do_prog(word[1], word[2], word[3]);
		else if (!strcmp(word[0], "dev") && words == 5)
			do_dev(word[1], word[2], word[3], word[4]);
		else if (!strcmp(word[0], "run") && words == 5)
			do_run(word[1], word[2], word[3], word[4]);
		else if (!strcmp(word[0], "dump") && words == 1)
			do_dump();
		else
			die("no such command: %s with %d words", word[0], words);
		fflush(stdout);
	}
	return 0;
}
