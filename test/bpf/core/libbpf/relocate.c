/*
 * relocate OBJECT.o TARGET.btf: what libbpf makes of each program of an object against a BTF. The program's instructions are caught
 * right before they would be loaded. One line of JSON a program; the kernel is only asked for its features.
 */
#include <bpf/libbpf.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define MAX_TEXT 65536
static char messages[MAX_TEXT];
static char code[MAX_TEXT];

/* keeps warnings, and the one line of each relocation that says what was looked for */
static int print(enum libbpf_print_level level, const char *format, va_list args)
{
	char line[4096];
	size_t used = strlen(messages);

	vsnprintf(line, sizeof(line), format, args);
	if (level == LIBBPF_DEBUG && (!strstr(line, "relo #") || !strstr(line, ": <")))
		return 0;
	if (level == LIBBPF_DEBUG && strstr(line, "candidate"))
		return 0;
	for (char *c = line; *c && used + 4 < MAX_TEXT; c++) {
		if (*c == '"' || *c == '\\' || *c == '\n')
			messages[used++] = '\\';
		messages[used++] = *c == '\n' ? 'n' : *c;
	}
	messages[used] = 0;
	return 0;
}

static int caught(struct bpf_program *prog, struct bpf_prog_load_opts *opts, long cookie)
{
	const unsigned char *insns = (const unsigned char *)bpf_program__insns(prog);

	for (size_t i = 0; i < bpf_program__insn_cnt(prog) * 8 && i * 2 + 3 < MAX_TEXT; i++)
		sprintf(code + i * 2, "%02x", insns[i]);
	return -1;
}

int main(int argc, char **argv)
{
	LIBBPF_OPTS(bpf_object_open_opts, open_opts, .btf_custom_path = argv[2]);
	LIBBPF_OPTS(libbpf_prog_handler_opts, handler, .prog_prepare_load_fn = caught);

	if (argc != 3)
		return 2;
	libbpf_set_print(print);
	libbpf_register_prog_handler("xdp", BPF_PROG_TYPE_XDP, BPF_XDP, &handler);
	for (int wanted = 0;; wanted++) {
		struct bpf_object *object = bpf_object__open_file(argv[1], &open_opts);
		struct bpf_program *prog, *chosen = NULL;
		int n = 0, err;

		if (!object)
			return 1;
		bpf_object__for_each_program(prog, object) {
			bpf_program__set_autoload(prog, n == wanted);
			if (n++ == wanted)
				chosen = prog;
		}
		if (!chosen)
			return 0;
		messages[0] = code[0] = 0;
		err = bpf_object__load(object);
		printf("{\"prog\":\"%s\",\"error\":%d,\"insns\":\"%s\",\"messages\":\"%s\"}\n", bpf_program__name(chosen),
		       code[0] ? 0 : err, code, messages);
		bpf_object__close(object);
	}
}
