// The programs that the recorder asks the kernel for and the test asks netsim for: object, type, program, packet of packets.json.
const tc = (object, ...programs) =>
  programs.map((program) => ({ object, kind: "sched_cls", program, packet: "ipv4_udp" }));

const CONNTRACK = ["arguments", "entry", "times", "zones", "ipv6", "nat_addresses", "nat_both", "nat_clash"];

export const CASES = [
  ...tc("dynptr", "local", "ringbuf", "packet"),
  { object: "dynptr_xdp", kind: "xdp", program: "packet", packet: "ipv4_udp" },
  { object: "readonly", kind: "socket_filter", program: "filter", packet: "ipv4_udp" },
  ...tc("iter", "numbers", "masks"),
  ...tc("string", "compare", "find", "measure", "search"),
  ...tc("timer", "errors"),
  { ...tc("timer", "fire")[0], waitMs: 1000 },
  // the heads of empty lists point at themselves, wherever user space's copy of them was made
  ...tc("object", "list", "tree", "two_owners", "kptr").map((c) => ({
    ...c,
    mask: { boths: [8, 16], queues: [8, 16] },
  })),
  { ...tc("wq", "wq")[0], waitMs: 2000 },
  ...tc("wq", "count"),
  { object: "pull", kind: "xdp", program: "pull", packet: "ipv4_udp" },
  { object: "pull", kind: "xdp", program: "probe", packet: "ipv4_udp" },
  ...tc("cast", "packet", "bytes", "task"),
  ...tc("percpu", "symbols", "objects", "counters"),
  { object: "cpumask", kind: "syscall", program: "masks" },
  { object: "cpumask", kind: "syscall", program: "symbols" },
  { object: "cast_xdp", kind: "xdp", program: "buffer", packet: "ipv4_udp" },
  ...tc("exception", "at_once", "not_at_all", "in_subprogram", "in_global_function", "in_tail_call", "with_callback"),
  { object: "xfrm", kind: "xdp", program: "lookup", packet: "ipv4_udp" },
  ...tc("reqsk", "assign"),
  { object: "keys", kind: "syscall", program: "keys" },
  ...tc("task_iter", "tasks", "threads", "cgroups"),
  ...tc("conntrack", ...CONNTRACK),
  ...tc("conntrack_xdp", ...CONNTRACK).map((c) => ({ ...c, kind: "xdp" })),
];
