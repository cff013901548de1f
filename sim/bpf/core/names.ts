/** Flavours: `struct task_struct___v2` means `struct task_struct`. @source libbpf src/libbpf.c bpf_core_essential_name_len */

/** The name without its flavour: up to the last `___` that stands between two other characters. */
export function essentialName(name: string): string {
  for (let i = name.length - 5; i >= 0; i--) {
    if (name.startsWith("___", i + 1) && name[i] !== "_" && name[i + 4] !== "_") return name.slice(0, i + 1);
  }
  return name;
}
