// The programs that the recorder asks the kernel for and the test asks netsim for: object, type, program, packet of packets.json.
const syscall = (object, ...programs) => programs.map((program) => ({ object, kind: "syscall", program }));

export const CASES = [
  ...syscall("sys", "commands", "create", "elements", "programs", "type_info", "by_id", "links"),
  ...syscall("sys", "typed_int", "typed_struct", "typed_void", "typed_unallocated"),
];
