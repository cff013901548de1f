// The programs that the recorder asks the kernel for and the test asks netsim for: object, type, program, packet of packets.json.
const tc = (object, ...programs) =>
  programs.map((program) => ({ object, kind: "sched_cls", program, packet: "ipv4_udp" }));

export const CASES = [
  ...tc("dynptr", "local", "ringbuf", "packet"),
  { object: "dynptr_xdp", kind: "xdp", program: "packet", packet: "ipv4_udp" },
  { object: "readonly", kind: "socket_filter", program: "filter", packet: "ipv4_udp" },
  ...tc("iter", "numbers", "masks"),
  ...tc("string", "compare", "find", "measure", "search"),
  ...tc("timer", "errors"),
  { ...tc("timer", "fire")[0], waitMs: 200 },
];
