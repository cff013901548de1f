// The programs that the recorder asks the kernel for and the test asks netsim for: object, type, program, packet of packets.json.
const syscall = (object, ...programs) => programs.map((program) => ({ object, kind: "syscall", program }));

export const CASES = [
  ...syscall("sys", "commands", "create", "elements", "programs", "type_info", "by_id", "links", "sleepable"),
  ...syscall("stack", "stack", "task_stack"),
  { object: "storage", kind: "cgroup_skb", program: "local", packet: "ipv4_udp" },
  { object: "storage", kind: "cgroup_skb", program: "local", packet: "ipv4_udp", repeat: 3 },
  { object: "storage", kind: "sched_cls", program: "task", packet: "ipv4_udp" },
  { object: "storage", kind: "sched_cls", program: "group", packet: "ipv4_udp" },
  ...["loops", "walks", "changes"].map((program) => ({
    object: "loop",
    kind: "sched_cls",
    program,
    packet: "ipv4_udp",
  })),
  ...["zeros", "dense", "sparse", "pointers", "errors"].map((program) => ({
    object: "snprintf_btf",
    kind: "sched_cls",
    program,
    packet: "ipv4_udp",
  })),
  ...syscall("sys", "typed_int", "typed_struct", "typed_void", "typed_unallocated"),
];
