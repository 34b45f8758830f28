// The numbers of the POSIX words that the API takes, with Linux's values on every platform: they name things to demi-io and are never
// handed to the operating system as they are.

// --- Address families (the `domain` of a socket) ---

/** IPv4 sockets: the `domain` argument of `demi_socket`. */
export const AF_INET = 2;
/** IPv6 sockets: the `domain` argument of `demi_socket`. */
export const AF_INET6 = 10;

// --- Socket types ---

/** A connected byte stream in order: the `type` argument of `demi_socket`. */
export const SOCK_STREAM = 1;
/** Datagrams that keep their boundaries: the `type` argument of `demi_socket`. */
export const SOCK_DGRAM = 2;

// --- Protocols ---

/** The protocol that goes with the type of the socket: the usual `protocol` argument of `demi_socket`; also the level of `IP_*` options. */
export const IPPROTO_IP = 0;
/** TCP: the protocol of a stream socket, and the level of `TCP_*` options. */
export const IPPROTO_TCP = 6;
/** UDP: the protocol of a datagram socket. */
export const IPPROTO_UDP = 17;
/** IPv6: the level of `IPV6_*` options. */
export const IPPROTO_IPV6 = 41;

// --- Levels of socket options ---

/** The level of `SO_*` options. */
export const SOL_SOCKET = 1;
/** The level of `IP_*` options; the same number as `IPPROTO_IP`. */
export const SOL_IP = 0;
/** The level of `TCP_*` options; the same number as `IPPROTO_TCP`. */
export const SOL_TCP = 6;
/** The level of UDP's options; the same number as `IPPROTO_UDP`. */
export const SOL_UDP = 17;
/** The level of `IPV6_*` options; the same number as `IPPROTO_IPV6`. */
export const SOL_IPV6 = 41;

// --- Options of every socket (level SOL_SOCKET) ---

/** Let a local address be bound again while old connections of it linger: a boolean. */
export const SO_REUSEADDR = 2;
/** The type of a socket, `SOCK_STREAM` or `SOCK_DGRAM`: read only. */
export const SO_TYPE = 3;
/** The error that is pending on a socket, as a number, 0 for none: reading clears it. */
export const SO_ERROR = 4;
/** Let datagrams go to a broadcast address: a boolean. */
export const SO_BROADCAST = 6;
/** The bound of a socket's send buffer in bytes. */
export const SO_SNDBUF = 7;
/** The bound of a socket's receive buffer in bytes. */
export const SO_RCVBUF = 8;
/** Probe a peer that has been silent for long: a boolean. */
export const SO_KEEPALIVE = 9;
/** What closing does with data that the peer has not acknowledged: `{ enabled, seconds }`. */
export const SO_LINGER = 13;
/** Let several sockets bind one local address and share what arrives there: a boolean. */
export const SO_REUSEPORT = 15;

// --- Options of TCP sockets (level IPPROTO_TCP) ---

/** Send small segments at once and do not collect them: a boolean. */
export const TCP_NODELAY = 1;
/** The largest segment that TCP sends or asks for, in bytes. */
export const TCP_MAXSEG = 2;
/** Seconds of silence before the first keep-alive probe. */
export const TCP_KEEPIDLE = 4;
/** Seconds between keep-alive probes. */
export const TCP_KEEPINTVL = 5;
/** Unanswered keep-alive probes after which the connection is given up. */
export const TCP_KEEPCNT = 6;
/** What a connection is doing, as an object: read only. */
export const TCP_INFO = 11;
/** The name of the congestion control algorithm, a string. */
export const TCP_CONGESTION = 13;
/** Milliseconds that sent data may stay unacknowledged before the connection is given up. */
export const TCP_USER_TIMEOUT = 18;

// --- Options of IP sockets ---

/** The type-of-service byte of outgoing IPv4 packets (level IPPROTO_IP). */
export const IP_TOS = 1;
/** The time-to-live of outgoing IPv4 packets (level IPPROTO_IP). */
export const IP_TTL = 2;
/** Keep an IPv6 socket from taking IPv4 traffic too (level IPPROTO_IPV6): a boolean. */
export const IPV6_V6ONLY = 26;

// --- Directions of a shutdown ---

/** No more receiving: the `how` argument of `demi_shutdown`. */
export const SHUT_RD = 0;
/** No more sending, the peer sees the end of the stream: the `how` argument of `demi_shutdown`. */
export const SHUT_WR = 1;
/** Neither receiving nor sending: the `how` argument of `demi_shutdown`. */
export const SHUT_RDWR = 2;

// --- Operations, as the native side numbers them; results carry their names ('push', 'pop', ...) ---

/** The operation of a push token. */
export const DEMI_OPC_PUSH = 1;
/** The operation of a pop token. */
export const DEMI_OPC_POP = 2;
/** The operation of an accept token. */
export const DEMI_OPC_ACCEPT = 3;
/** The operation of a connect token. */
export const DEMI_OPC_CONNECT = 4;
/** The operation of a close token. */
export const DEMI_OPC_CLOSE = 5;
/** The operation of a shutdown token. */
export const DEMI_OPC_SHUTDOWN = 6;
/** The result of an operation that failed, whichever it was. */
export const DEMI_OPC_FAILED = 7;
