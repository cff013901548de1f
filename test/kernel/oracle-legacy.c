/*
 * Loads objects that define their maps in the legacy section `maps`, which libbpf has refused since version 1.0: creates
 * the maps, writes their file descriptors into the instructions that name them, loads each section's one program.
 */
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <linux/bpf.h>

#include "oracle.h"

struct legacy_map_def {
	__u32 type, key_size, value_size, max_entries, map_flags;
};

struct elf_view {
	Elf *elf;
	size_t names; /* index of the section name table */
	Elf_Data *symbols, *legacy_maps;
	size_t symbols_names;  /* index of the symbol name table */
	size_t maps_index, symbol_count;
	char *license;
};

static GElf_Sym symbol_at(const struct elf_view *view, size_t index, const char **name)
{
	GElf_Sym symbol;

	gelf_getsym(view->symbols, index, &symbol);
	*name = elf_strptr(view->elf, view->symbols_names, symbol.st_name);
	return symbol;
}

static size_t legacy_def_bytes(const struct elf_view *view)
{
	size_t count = 0;
	const char *name;

	for (size_t i = 0; i < view->symbol_count; i++) {
		GElf_Sym symbol = symbol_at(view, i, &name);

		if (symbol.st_shndx == view->maps_index && GELF_ST_TYPE(symbol.st_info) != STT_SECTION)
			count++;
	}
	return count ? view->legacy_maps->d_size / count : 0;
}

static int create_legacy_maps(const struct elf_view *view)
{
	size_t bytes = legacy_def_bytes(view);
	const char *name;

	if (bytes < sizeof(struct legacy_map_def))
		return EINVAL;
	for (size_t i = 0; i < view->symbol_count; i++) {
		GElf_Sym symbol = symbol_at(view, i, &name);
		LIBBPF_OPTS(bpf_map_create_opts, opts);
		struct legacy_map_def def;
		int fd;

		if (symbol.st_shndx != view->maps_index || GELF_ST_TYPE(symbol.st_info) == STT_SECTION)
			continue;
		memcpy(&def, (char *)view->legacy_maps->d_buf + symbol.st_value, sizeof(def));
		opts.map_flags = def.map_flags;
		fd = bpf_map_create(def.type, NULL, def.key_size, def.value_size, def.max_entries, &opts);
		if (fd < 0)
			return errno;
		register_map(name, fd);
	}
	return 0;
}

/* Writes the maps' file descriptors into the instructions that name them. */
static int relocate_legacy(const struct elf_view *view, size_t section, struct bpf_insn *insns, size_t insn_count)
{
	Elf_Scn *scn = NULL;

	while ((scn = elf_nextscn(view->elf, scn))) {
		Elf_Data *data = elf_getdata(scn, NULL);
		GElf_Shdr header;

		gelf_getshdr(scn, &header);
		if (header.sh_type != SHT_REL || header.sh_info != section)
			continue;
		for (size_t i = 0; i < header.sh_size / header.sh_entsize; i++) {
			const char *name;
			GElf_Sym symbol;
			GElf_Rel rel;

			gelf_getrel(data, i, &rel);
			symbol = symbol_at(view, GELF_R_SYM(rel.r_info), &name);
			if (symbol.st_shndx != view->maps_index || rel.r_offset / 8 >= insn_count)
				return ENOTSUP;
			insns[rel.r_offset / 8].src_reg = BPF_PSEUDO_MAP_FD;
			insns[rel.r_offset / 8].imm = find_map_fd(name);
		}
	}
	return 0;
}

static int load_legacy_programs(const struct elf_view *view, enum bpf_prog_type kind)
{
	for (size_t i = 0; i < view->symbol_count; i++) {
		LIBBPF_OPTS(bpf_prog_load_opts, opts, .log_buf = kernel_log, .log_size = LOG_BYTES,
			    .log_level = 1);
		const char *name;
		GElf_Sym symbol = symbol_at(view, i, &name);
		Elf_Scn *scn = elf_getscn(view->elf, symbol.st_shndx);
		Elf_Data *data;
		int error, fd;

		if (GELF_ST_TYPE(symbol.st_info) != STT_FUNC || !scn)
			continue;
		data = elf_getdata(scn, NULL);
		if (symbol.st_value != 0 || symbol.st_size != data->d_size)
			return ENOTSUP; /* several functions in one section */
		error = relocate_legacy(view, symbol.st_shndx, data->d_buf, data->d_size / 8);
		if (error)
			return error;
		fd = bpf_prog_load(kind, name, view->license, data->d_buf, data->d_size / 8, &opts);
		if (fd < 0)
			return errno;
		register_prog(name, fd);
	}
	return 0;
}

/* Loads the object if it has a legacy maps section. Returns false, and does nothing, if it has none. */
bool load_legacy(const char *path, enum bpf_prog_type kind, int *error)
{
	struct elf_view view = { .license = "" };
	int fd = open(path, O_RDONLY);
	Elf_Scn *scn = NULL;

	if (fd < 0)
		die("%s: %s", path, strerror(errno));
	elf_version(EV_CURRENT);
	view.elf = elf_begin(fd, ELF_C_READ, NULL);
	if (!view.elf || elf_getshdrstrndx(view.elf, &view.names)) {
		close(fd);
		return false;
	}
	while ((scn = elf_nextscn(view.elf, scn))) {
		GElf_Shdr header;
		const char *name;

		gelf_getshdr(scn, &header);
		name = elf_strptr(view.elf, view.names, header.sh_name);
		if (header.sh_type == SHT_SYMTAB) {
			view.symbols = elf_getdata(scn, NULL);
			view.symbols_names = header.sh_link;
			view.symbol_count = header.sh_size / header.sh_entsize;
		} else if (name && !strcmp(name, "maps")) {
			view.legacy_maps = elf_getdata(scn, NULL);
			view.maps_index = elf_ndxscn(scn);
		} else if (name && !strcmp(name, "license")) {
			view.license = elf_getdata(scn, NULL)->d_buf;
		}
	}
	if (!view.legacy_maps || !view.symbols)
		return false;
	*error = create_legacy_maps(&view);
	if (!*error)
		*error = load_legacy_programs(&view, kind);
	return true;
}
