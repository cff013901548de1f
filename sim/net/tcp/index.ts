/** TCP on a host: handlers, events, sockets. */
import type { IpStack } from "../ip/ip-stack.ts";
import { IPPROTO_TCP } from "../ip/ipv4/header.ts";
import { Ip6Payload, skipExtHeaders } from "../ip/ipv6/header.ts";
import type { Kernel } from "../kernel.ts";
import { tcp6Err, tcpErr } from "./err.ts";
import { tcpRcv } from "./rcv.ts";
import type { RequestSock } from "./request-sock.ts";
import { reqskTimer } from "./synack.ts";
import { type TcpEvents, TcpNet } from "./tcp-net.ts";
import type { TcpSock } from "./tcp-sock.ts";
import { createTcpSocket, TcpSocket } from "./tcp-socket.ts";
import { twTimer } from "./time-wait.ts";
import type { TimeWaitSock } from "./time-wait-sock.ts";
import { tcpTimer, tcpTsqHandler } from "./timer.ts";

const eventsOf: WeakMap<Kernel, TcpEvents> = new WeakMap();

function tcpEvents(kernel: Kernel): TcpEvents {
  const found = eventsOf.get(kernel);
  if (found !== undefined) return found;
  const { engine } = kernel;
  const wake = (sk: TcpSock): void => {
    if (sk instanceof TcpSocket) sk.wake();
  };
  const made: TcpEvents = {
    timer: engine.defineEvent<TcpSock>("TCP timer", tcpTimer),
    request: engine.defineEvent<RequestSock>("TCP SYN-ACK timer", (req, n) => {
      if (req.timers.fire(n)) reqskTimer(req);
    }),
    timeWait: engine.defineEvent<TimeWaitSock>("TCP TIME_WAIT", (tw, n) => {
      if (tw.timers.fire(n)) twTimer(tw);
    }),
    wake: engine.defineEvent<TcpSock>("TCP wake-up", wake),
    tsq: engine.defineEvent<TcpSock>("TCP small queue", tcpTsqHandler),
  };
  eventsOf.set(kernel, made);
  return made;
}

/** Gives a host TCP; part of registerSockets. */
export function registerTcp(stack: IpStack): TcpNet {
  const net = new TcpNet(stack, tcpEvents(stack.kernel), createTcpSocket);
  const payload = new Ip6Payload();
  stack.protocols4[IPPROTO_TCP] = (s, skb, dev) => tcpRcv(s, net, skb, dev, false);
  stack.protocols6[IPPROTO_TCP] = (s, skb, dev) => tcpRcv(s, net, skb, dev, true);
  stack.errHandlers4[IPPROTO_TCP] = (_s, _skb, inner, type, code, info) => tcpErr(net, inner, type, code, info);
  stack.errHandlers6[IPPROTO_TCP] = (s, skb, inner, type, code) => {
    skipExtHeaders(s, inner, skb.data + skb.len, false, payload);
    tcp6Err(net, inner, payload.at, type, code);
  };
  return net;
}

/** Every socket of a host: listeners, then connections by port. */
export function tcpSockets(net: TcpNet): readonly TcpSocket[] {
  const seen = new Set<TcpSocket>();
  for (const s of net.ports.listOwners()) if (s instanceof TcpSocket) seen.add(s);
  for (const e of net.ehash.list()) if (e instanceof TcpSocket) seen.add(e);
  return [...seen];
}
