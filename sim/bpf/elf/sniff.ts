/** Says what a file that is no ELF object looks like, so that the error can. */

const MAGICS: readonly (readonly [readonly number[], string])[] = [
  [[0x21, 0x3c, 0x61, 0x72, 0x63, 0x68, 0x3e], "an ar archive (.a); extract the object first: ar x FILE.a"],
  [[0x21, 0x3c, 0x74, 0x68, 0x69, 0x6e, 0x3e], "a thin ar archive (.a); give the object it names"],
  [
    [0x42, 0x43, 0xc0, 0xde],
    "LLVM bitcode; compile without -flto and without -emit-llvm, or run llc -march=bpf -filetype=obj",
  ],
  [[0xde, 0xc0, 0x17, 0x0b], "wrapped LLVM bitcode; compile without -flto"],
  [[0x1f, 0x8b], "gzip-compressed data; unpack it first"],
  [[0x28, 0xb5, 0x2f, 0xfd], "zstd-compressed data; unpack it first"],
  [[0xfd, 0x37, 0x7a, 0x58, 0x5a], "xz-compressed data; unpack it first"],
  [[0x50, 0x4b, 0x03, 0x04], "a zip archive; unpack it first"],
  [[0x00, 0x61, 0x73, 0x6d], "a WebAssembly module; compile with clang -target bpf"],
  [[0xcf, 0xfa, 0xed, 0xfe], "a Mach-O object; compile with clang -target bpf"],
  [[0xca, 0xfe, 0xba, 0xbe], "a Mach-O universal binary; compile with clang -target bpf"],
  [[0x4d, 0x5a], "a Windows program; compile with clang -target bpf"],
  [[0xd4, 0xc3, 0xb2, 0xa1], "a packet capture"],
  [[0x0a, 0x0d, 0x0d, 0x0a], "a pcapng capture"],
  [[0x9f, 0xeb], "raw BTF data without an ELF around it"],
];

/** What the bytes look like, as the end of a sentence: `a C source file`. @returns null when nothing comes to mind */
export function sniff(bytes: Uint8Array): { readonly what: string; readonly fix: string } | null {
  for (const [magic, text] of MAGICS) {
    if (magic.every((b, i) => bytes[i] === b)) {
      const [what, fix] = text.split("; ");
      return { what: what ?? text, fix: fix ?? "give an object compiled with clang -target bpf" };
    }
  }
  const head = bytes.subarray(0, 4096);
  for (const b of head) if (b < 0x09 || (b > 0x0d && b < 0x20)) return null;
  const text = new TextDecoder("utf-8").decode(head);
  if (text.startsWith("version https://git-lfs"))
    return { what: "a Git LFS pointer", fix: "fetch the file: git lfs pull" };
  if (/^\s*#\s*include\b|\bSEC\s*\(|^\s*(static|struct|int|typedef)\b[^\n]*[;{(]/m.test(text)) {
    return { what: "a C source file", fix: "compile it: clang -O2 -g -target bpf -c FILE.c -o FILE.o" };
  }
  if (/^\s*<(!doctype|html)/i.test(text)) return { what: "an HTML page", fix: "download the file itself" };
  if (/^\s*\.(text|section|globl)\b/m.test(text)) {
    return { what: "assembly text", fix: "assemble it: clang -target bpf -c FILE.s -o FILE.o" };
  }
  if (text.startsWith("#!")) return { what: "a script", fix: "give an object compiled with clang -target bpf" };
  return { what: "a text file", fix: "give an object compiled with clang -target bpf" };
}
