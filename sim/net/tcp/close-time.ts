/** How long an orphan waits in FIN_WAIT2. @source include/net/tcp.h tcp_fin_time */
import { HZ } from "./const.ts";
import type { TcpSock } from "./tcp-sock.ts";

/** tcp_fin_time: TCP_LINGER2 or net.ipv4.tcp_fin_timeout, at least 3.5 retransmission timeouts. @unit jiffies */
export function tcpFinTime(sk: TcpSock): number {
  const wait = sk.linger2 !== 0 ? sk.linger2 : sk.stack.sysctl.tcpFinTimeoutS * HZ;
  return Math.max(wait, sk.icskRto * 4 - (sk.icskRto >> 1));
}
