import * as constants from '../../../lib/core/constants';

// From Linux's own headers: <bits/socket.h>, <asm-generic/socket.h>, <netinet/in.h>, <netinet/tcp.h>.
const LINUX: Record<string, number> = {
  AF_INET: 2, AF_INET6: 10,
  SOCK_STREAM: 1, SOCK_DGRAM: 2,
  IPPROTO_IP: 0, IPPROTO_TCP: 6, IPPROTO_UDP: 17, IPPROTO_IPV6: 41,
  SOL_SOCKET: 1, SOL_IP: 0, SOL_TCP: 6, SOL_UDP: 17, SOL_IPV6: 41,
  SO_REUSEADDR: 2, SO_TYPE: 3, SO_ERROR: 4, SO_BROADCAST: 6, SO_SNDBUF: 7, SO_RCVBUF: 8, SO_KEEPALIVE: 9, SO_LINGER: 13, SO_REUSEPORT: 15,
  TCP_NODELAY: 1, TCP_MAXSEG: 2, TCP_KEEPIDLE: 4, TCP_KEEPINTVL: 5, TCP_KEEPCNT: 6, TCP_INFO: 11, TCP_CONGESTION: 13, TCP_USER_TIMEOUT: 18,
  IP_TOS: 1, IP_TTL: 2, IPV6_V6ONLY: 26,
  SHUT_RD: 0, SHUT_WR: 1, SHUT_RDWR: 2,
};

test('every constant has the value it has on Linux', () => {
  const posix = Object.entries(constants).filter(([name]) => !name.startsWith('DEMI_'));
  expect(Object.fromEntries(posix)).toEqual(LINUX);
});

test('operations are numbered as the native side numbers them', () => {
  const operations = Object.entries(constants).filter(([name]) => name.startsWith('DEMI_OPC_'));
  expect(Object.fromEntries(operations)).toEqual({
    DEMI_OPC_PUSH: 1,
    DEMI_OPC_POP: 2,
    DEMI_OPC_ACCEPT: 3,
    DEMI_OPC_CONNECT: 4,
    DEMI_OPC_CLOSE: 5,
    DEMI_OPC_SHUTDOWN: 6,
    DEMI_OPC_FAILED: 7,
  });
});
