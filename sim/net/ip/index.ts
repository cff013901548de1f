/**
 * The IP layer: registers its protocols on a host. The control plane stands in addresses.ts, fib/route-control.ts,
 * neigh/neigh-control.ts and sysctl-control.ts, sockets in ../sockets.
 */
import { NETSIM_REASON } from "../drop-reason.ts";
import { ETH_P_ARP, ETH_P_IP, ETH_P_IPV6 } from "../ether.ts";
import type { Host, NetdevEvent } from "../host.ts";
import type { Kernel } from "../kernel.ts";
import { IFF_LOOPBACK, type Netdev } from "../netdev.ts";
import { registerSockets, socketTables } from "../sockets/index.ts";
import { onDevAddr, onDevDown, onDevGone, onDevUp } from "./addresses.ts";
import { syncCarrier } from "./fib/route-control.ts";
import { createFibApi } from "./fib-lookup.ts";
import { hasIpStack, type IpCalls, type IpEvents, IpStack, setIpStack } from "./ip-stack.ts";
import { IPPROTO_ICMP, IPPROTO_ICMPV6 } from "./ipv4/header.ts";
import { icmpRcv, icmpSend, linkFailure4 } from "./ipv4/icmp.ts";
import { ipRcv } from "./ipv4/input.ts";
import { icmp6Rcv, icmp6Send, linkFailure6 } from "./ipv6/icmp6.ts";
import { ip6Rcv } from "./ipv6/input.ts";
import { arpRcv, arpSolicit } from "./neigh/arp.ts";
import { ndiscSolicit } from "./neigh/ndisc.ts";
import { onNeighEvent } from "./neigh/neigh.ts";
import { killQueue, onFragTimeout } from "./reassembly.ts";

const calls: IpCalls = { icmpSend, icmp6Send, arpSolicit, ndiscSolicit, linkFailure4, linkFailure6 };
const eventsOf: WeakMap<Kernel, IpEvents> = new WeakMap();

function ipEvents(kernel: Kernel): IpEvents {
  let e = eventsOf.get(kernel);
  if (e === undefined) {
    e = {
      neigh: kernel.engine.defineEvent("neighbour timer", onNeighEvent),
      frag: kernel.engine.defineEvent("reassembly timeout", onFragTimeout),
    };
    eventsOf.set(kernel, e);
  }
  return e;
}

/** Gives a host its IP layer and sockets, once. Devices that are up already get what belongs to them. */
export function registerIp(host: Host): void {
  if (hasIpStack(host)) return;
  const kernel = host.kernel;
  const stack = new IpStack(host, ipEvents(kernel), calls);
  setIpStack(host, stack);
  if (kernel.env.fib === null) kernel.env.fib = createFibApi();
  host.packetTypes.set(ETH_P_IP, (skb, dev) => ipRcv(stack, skb, dev));
  host.packetTypes.set(ETH_P_IPV6, (skb, dev) => ip6Rcv(stack, skb, dev));
  host.packetTypes.set(ETH_P_ARP, (skb, dev) => arpRcv(stack, skb, dev));
  stack.protocols4[IPPROTO_ICMP] = icmpRcv;
  stack.protocols6[IPPROTO_ICMPV6] = icmp6Rcv;
  registerSockets(stack);
  host.netdevNotifiers.push((dev, event) => onNetdevEvent(stack, dev, event));
  for (const dev of host.devices) if (dev?.up === true) onDevUp(stack, dev);
}

function onNetdevEvent(stack: IpStack, dev: Netdev, event: NetdevEvent): void {
  switch (event) {
    case "up":
      onDevUp(stack, dev);
      break;
    case "down":
      onDevDown(stack, dev);
      break;
    case "carrier":
      syncCarrier(stack, dev);
      break;
    case "changeaddr":
      onDevAddr(stack, dev);
      break;
    case "unregister":
      if ((dev.flags & IFF_LOOPBACK) !== 0) shutDown(stack);
      for (const t of [stack.frags4, stack.frags6]) {
        for (const q of [...t.queues.values()]) if (q.dev === dev) killQueue(q, NETSIM_REASON.HOST_DOWN);
      }
      onDevGone(stack, dev);
      break;
    case "changemtu":
      break;
  }
}

/** The loopback goes only when the host does: every socket and every half datagram is lost. */
function shutDown(stack: IpStack): void {
  socketTables(stack.host).closeAll();
  for (const t of [stack.frags4, stack.frags6]) {
    for (const q of [...t.queues.values()]) killQueue(q, NETSIM_REASON.HOST_DOWN);
  }
}
