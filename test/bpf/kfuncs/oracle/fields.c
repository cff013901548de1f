// SPDX-License-Identifier: MIT
// Makes maps of each type and flags with each value type of fields.bpf.o, and prints the errno: `TYPE FLAGS VALUE ERRNO`.
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct { const char *name; int type, flags, key, once; } kinds[] = {
	{ "hash", BPF_MAP_TYPE_HASH, 0, 4 }, { "hash", BPF_MAP_TYPE_HASH, BPF_F_RDONLY_PROG, 4 },
	{ "hash", BPF_MAP_TYPE_HASH, BPF_F_NO_PREALLOC, 4 }, { "array", BPF_MAP_TYPE_ARRAY, 0, 4 },
	{ "array", BPF_MAP_TYPE_ARRAY, BPF_F_WRONLY_PROG, 4 }, { "array", BPF_MAP_TYPE_ARRAY, BPF_F_MMAPABLE, 4 },
	{ "percpu_hash", BPF_MAP_TYPE_PERCPU_HASH, 0, 4 }, { "percpu_array", BPF_MAP_TYPE_PERCPU_ARRAY, 0, 4 },
	{ "lru_hash", BPF_MAP_TYPE_LRU_HASH, 0, 4 }, { "lru_percpu_hash", BPF_MAP_TYPE_LRU_PERCPU_HASH, 0, 4 },
	{ "lpm_trie", BPF_MAP_TYPE_LPM_TRIE, BPF_F_NO_PREALLOC, 8 },
	{ "sk_storage", BPF_MAP_TYPE_SK_STORAGE, BPF_F_NO_PREALLOC, 4, 1 },
	{ "task_storage", BPF_MAP_TYPE_TASK_STORAGE, BPF_F_NO_PREALLOC, 4, 1 },
	{ "cgrp_storage", 32 /* newer than some headers */, BPF_F_NO_PREALLOC, 4, 1 },
};

static int quiet(enum libbpf_print_level l, const char *f, va_list a)
{
	return 0;
}

int main(int argc, char **argv)
{
	struct bpf_object *obj;
	struct btf *btf;
	int n, u32_id, u64_id;

	libbpf_set_print(quiet);
	obj = bpf_object__open_file(argv[1], NULL);
	if (!obj)
		return 1;
	btf = bpf_object__btf(obj);
	n = btf__type_cnt(btf);
	if (btf__load_into_kernel(btf))
		return fprintf(stderr, "the types were refused: %s\n", strerror(errno)), 1;
	u32_id = btf__find_by_name_kind(btf, "__u32", BTF_KIND_TYPEDEF);
	u64_id = btf__find_by_name_kind(btf, "__u64", BTF_KIND_TYPEDEF);
	for (unsigned k = 0; k < sizeof(kinds) / sizeof(*kinds); k++)
		for (int i = 1; i < n; i++) {
			const struct btf_type *t = btf__type_by_id(btf, i);
			const char *name = btf__name_by_offset(btf, t->name_off);
			char var[64];
			LIBBPF_OPTS(bpf_map_create_opts, o, .map_flags = kinds[k].flags, .btf_fd = btf__fd(btf));
			int fd;

			snprintf(var, sizeof(var), "m_%s", name);
			if (!btf_is_struct(t) || !*name || btf__find_by_name_kind(btf, var, BTF_KIND_VAR) < 0)
				continue;
			o.btf_key_type_id = kinds[k].key == 4 ? u32_id : u64_id;
			o.btf_value_type_id = i;
			fd = bpf_map_create(kinds[k].type, "fields", kinds[k].key, t->size, kinds[k].once ? 0 : 4, &o);
			printf("%s %d %s %d\n", kinds[k].name, kinds[k].flags, name, fd < 0 ? errno : 0);
			if (fd >= 0)
				close(fd);
		}
	return 0;
}
