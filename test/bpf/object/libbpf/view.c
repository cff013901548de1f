// What libbpf says without the kernel: of section names, one a line on standard input, and of the object files named as arguments.
// One JSON line each: {"section","type","attach"} with type null for names that say none, or
// {"object","error","messages","programs":[...],"maps":[...]}.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char messages[1 << 16];

static int keep(enum libbpf_print_level level, const char *format, va_list args)
{
	size_t at = strlen(messages);

	if (level == LIBBPF_WARN)
		vsnprintf(messages + at, sizeof(messages) - at, format, args);
	return 0;
}

static void text(const char *s)
{
	putchar('"');
	for (; s != NULL && *s; s++) {
		if (*s == '"' || *s == '\\')
			printf("\\%c", *s);
		else if ((unsigned char)*s < 32)
			printf("\\u%04x", *s);
		else
			putchar(*s);
	}
	putchar('"');
}

static void section(const char *name)
{
	enum bpf_prog_type type;
	enum bpf_attach_type attach;

	printf("{\"section\":");
	text(name);
	if (libbpf_prog_type_by_name(name, &type, &attach) == 0)
		printf(",\"type\":\"%s\",\"attach\":%d}\n", libbpf_bpf_prog_type_str(type), attach);
	else
		printf(",\"type\":null}\n");
}

static void map(const struct bpf_map *m)
{
	size_t size = 0;
	const unsigned char *value = bpf_map__initial_value((struct bpf_map *)m, &size);

	printf("{\"name\":");
	text(bpf_map__name(m));
	printf(",\"type\":\"%s\",\"key\":%u,\"value\":%u,\"max_entries\":%u,\"flags\":%u,\"numa\":%u,\"extra\":%llu,\"pin\":",
	       libbpf_bpf_map_type_str(bpf_map__type(m)), bpf_map__key_size(m), bpf_map__value_size(m),
	       bpf_map__max_entries(m), bpf_map__map_flags(m), bpf_map__numa_node(m),
	       (unsigned long long)bpf_map__map_extra(m));
	text(bpf_map__pin_path(m));
	if (bpf_map__is_internal(m)) {
		printf(",\"bytes\":\"");
		for (size_t i = 0; i < size && i < 256; i++)
			printf("%02x", value[i]);
		putchar('"');
	}
	putchar('}');
}

static void object(const char *path)
{
	struct bpf_object *o;
	struct bpf_program *p;
	struct bpf_map *m;
	const char *comma = "";

	messages[0] = 0;
	o = bpf_object__open(path);
	printf("{\"object\":");
	text(strrchr(path, '/') != NULL ? strrchr(path, '/') + 1 : path);
	printf(",\"error\":%d,\"messages\":", o == NULL ? -errno : 0);
	text(messages);
	printf(",\"programs\":[");
	if (o != NULL)
		bpf_object__for_each_program(p, o) {
			printf("%s{\"name\":\"%s\",\"section\":", comma, bpf_program__name(p));
			text(bpf_program__section_name(p));
			printf(",\"type\":\"%s\",\"attach\":%d,\"insns\":%zu,\"autoload\":%s}",
			       libbpf_bpf_prog_type_str(bpf_program__type(p)), bpf_program__expected_attach_type(p),
			       bpf_program__insn_cnt(p), bpf_program__autoload(p) ? "true" : "false");
			comma = ",";
		}
	printf("],\"maps\":[");
	comma = "";
	if (o != NULL)
		bpf_object__for_each_map(m, o) {
			struct bpf_map *inner = bpf_map__inner_map(m);

			printf("%s", comma);
			map(m);
			if (inner != NULL) {
				printf(",");
				map(inner);
			}
			comma = ",";
		}
	printf("]}\n");
	bpf_object__close(o);
}

int main(int argc, char **argv)
{
	char line[256];

	libbpf_set_print(keep);
	printf("{\"libbpf\":\"%u.%u\"}\n", libbpf_major_version(), libbpf_minor_version());
	while (argc == 1 && fgets(line, sizeof(line), stdin) != NULL) {
		line[strcspn(line, "\n")] = 0;
		section(line);
	}
	for (int i = 1; i < argc; i++)
		object(argv[i]);
	return 0;
}
