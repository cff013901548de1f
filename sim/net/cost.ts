/**
 * What work costs a simulated CPU. One table; each constant says where it comes from. Program cost is not here: instructions and
 * helper calls are counted by the machine.
 *
 * Calibration: XDP paper testbed (Xeon E5-1650 v4, 3.6 GHz, ConnectX-5, 64-byte packets, Linux 4.18), FACTS 4.8.
 */
export const COST_NS = {
  /** Driver receive, XDP program run and page recycling of a dropped frame: 24 Mpps, 41.6 ns, less the empty program. */
  driverRx: 40,
  /** What XDP_TX adds on the same NIC; the paper's figure lies between drop (41.6) and redirect (116). */
  xdpTx: 35,
  /** What XDP_REDIRECT adds: 8.65 Mpps, 116 ns. */
  xdpRedirect: 74,
  /** Building an skb and GRO: part of iptables-raw drop, 4.8 Mpps, 208 ns. */
  skbBuild: 100,
  /** __netif_receive_skb_core up to the protocol: the rest of those 208 ns. */
  netifReceive: 66,
  /** tc ingress or egress hook with one program, without the program: an estimate of the order of the hook's own code. */
  tcHook: 15,
  /** ip_rcv, route lookup and ip_forward: 1.74 Mpps, 575 ns, less receive (206) and transmit (120). */
  ipForward: 249,
  /** Local delivery to a socket: an estimate, like forwarding. */
  socketRx: 250,
  /** dev_queue_xmit, qdisc and driver transmit. */
  xmit: 120,
  /** A send system call with its output path: an estimate. */
  syscallTx: 600,
  /** veth: handing a frame to the peer, estimated from the 6 to 11 M redirects a second of LIMITS. */
  vethXmit: 40,
} as const;
