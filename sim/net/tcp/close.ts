/**
 * The application lets go of a socket.
 *
 * @source net/ipv4/tcp.c __tcp_close, tcp_disconnect; net/ipv4/inet_connection_sock.c inet_csk_listen_stop, inet_child_forget
 * @differs close returns at once: SO_LINGER with a time above 0 lingers without the application
 */
import { SKB_DROP_REASON } from "../drop-reason.ts";
import { TCP_CLOSE, TCP_ESTABLISHED, TCP_LISTEN } from "../sockets/bpf-sock.ts";
import { tcpMstampRefresh } from "./clock.ts";
import { tcpFinTime } from "./close-time.ts";
import {
  JIFFY_NS,
  RCV_SHUTDOWN,
  SEND_SHUTDOWN,
  TCP_CLOSE_WAIT,
  TCP_CLOSING,
  TCP_FIN_WAIT1,
  TCP_FIN_WAIT2,
  TCP_LAST_ACK,
  TCP_SYN_RECV,
  TCP_TIMEWAIT_LEN,
  TIMER_KEEPALIVE,
} from "./const.ts";
import { tcpSendFin } from "./output.ts";
import { after } from "./seq.ts";
import { tcpCloseState } from "./shutdown.ts";
import { clearXmitTimers, destroySock, purgeReceiveQueues, tcpSetState, tcpWriteQueuePurge } from "./state.ts";
import type { TcpSock } from "./tcp-sock.ts";
import { tcpTimeWait } from "./time-wait.ts";
import { tcpSendActiveReset } from "./transmit.ts";

/** tcp_close. */
export function tcpClose(sk: TcpSock): void {
  if (sk.dead || sk.closed) return;
  const { snmp } = sk.stack;
  tcpMstampRefresh(sk);
  sk.skShutdown = RCV_SHUTDOWN | SEND_SHUTDOWN;
  if (sk.state === TCP_LISTEN) {
    listenStop(sk);
    orphan(sk);
    return;
  }
  const unread = dropUnread(sk);
  if (sk.state !== TCP_CLOSE) {
    if (unread) {
      // RFC 2525 section 2.17: what the peer sent is lost, and it shall know
      snmp.TcpExtTCPAbortOnClose++;
      tcpSendActiveReset(sk);
      tcpSetState(sk, TCP_CLOSE);
    } else if (sk.lingerS === 0) {
      tcpDisconnect(sk);
      snmp.TcpExtTCPAbortOnData++;
    } else if (tcpCloseState(sk)) tcpSendFin(sk);
  }
  orphan(sk);
}

/** adjudge_to_death: the socket goes now, or when its connection is over. */
function orphan(sk: TcpSock): void {
  sk.dead = true;
  if (sk.state === TCP_FIN_WAIT2) {
    if (sk.linger2 < 0) {
      tcpSendActiveReset(sk);
      tcpSetState(sk, TCP_CLOSE);
      sk.stack.snmp.TcpExtTCPAbortOnLinger++;
    } else {
      const wait = tcpFinTime(sk);
      if (wait <= TCP_TIMEWAIT_LEN) {
        tcpTimeWait(sk, TCP_FIN_WAIT2, wait);
        return;
      }
      const atNs = sk.stack.kernel.engine.nowNs + (wait - TCP_TIMEWAIT_LEN) * JIFFY_NS;
      sk.timers.set(TIMER_KEEPALIVE, atNs);
    }
  }
  if (sk.state === TCP_CLOSE) destroySock(sk);
}

/** Throws away what was not read. @returns whether it held data */
function dropUnread(sk: TcpSock): boolean {
  let unread = false;
  for (let skb = sk.receiveQueue.head; skb !== null; skb = skb.next) {
    const end = (skb.endSeq - (skb.tcpFlags & 1)) >>> 0;
    if (after(end, sk.copiedSeq)) unread = true;
  }
  const ooo = sk.oooQueue.splice(0);
  purgeReceiveQueues(sk, SKB_DROP_REASON.SOCKET_CLOSE);
  sk.oooQueue.push(...ooo);
  return unread;
}

/** tcp_need_reset. */
function needReset(state: number): boolean {
  return (
    state === TCP_ESTABLISHED ||
    state === TCP_CLOSE_WAIT ||
    state === TCP_FIN_WAIT1 ||
    state === TCP_FIN_WAIT2 ||
    state === TCP_SYN_RECV
  );
}

/** tcp_disconnect: RFC 9293's ABORT. */
export function tcpDisconnect(sk: TcpSock): void {
  const old = sk.state;
  const late = sk.sndNxt !== sk.writeSeq && (old === TCP_CLOSING || old === TCP_LAST_ACK);
  if (needReset(old) || late) tcpSendActiveReset(sk);
  if (old !== TCP_CLOSE) tcpSetState(sk, TCP_CLOSE);
  clearXmitTimers(sk);
  tcpWriteQueuePurge(sk);
}

/** inet_csk_listen_stop: nobody will accept what waits; half-open connections end by themselves. */
function listenStop(sk: TcpSock): void {
  tcpSetState(sk, TCP_CLOSE);
  const q = sk.listenQueue;
  if (q === null) return;
  for (let child = q.shift(); child !== null; child = q.shift()) {
    // inet_child_forget
    child.parent = null;
    child.dead = true;
    tcpDisconnect(child);
    destroySock(child);
  }
  sk.listenQueue = null;
}
