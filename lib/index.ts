// demi-io: queue-token I/O for Node.js. This is everything that the package exports.

export * from './core/constants';
export { DemiError, type DemiErrorDetails, type ErrorCode } from './core/errors';
export { type Endpoint } from './core/endpoint';
export { type LibOSConfig, type LibOSName, type Limits, type PollMode, type ResolvedConfig } from './core/config';
export { type DpdkConfig, type ResolvedDpdk } from './core/dpdk-config';
export { type DeviceConfig, type InetConfig, type NeighborDiscoveryConfig, type ResolvedDevice, type ResolvedInet, type TcpConfig } from './core/inet-config';
export { createLibOS, LibOS, type Flow, type LibOSInfo, type LibOSStats, type PendingOperation, type ReceiveSideScaling, type StopOptions } from './demi/libos';
export { SgArray } from './demi/sgarray';
export { QToken } from './demi/token';
export { WaitSet } from './demi/wait-set';
export { type Submission, type TokensOf } from './demi/batch';
export { type ReceivedDatagram } from './demi/iterators';
export { type Linger, type SocketOptionValue, type TcpInfo, type TcpState } from './demi/options';
export { type AllOf, type AnyOf, type AnyResult } from './demi/waiting';
export {
  type AcceptResult,
  type CloseResult,
  type ConnectResult,
  type FailedResult,
  type OperationOptions,
  type PopResult,
  type PushOptions,
  type PushResult,
  type ShutdownResult,
  type Success,
} from './demi/results';
export {
  demi_accept,
  demi_bind,
  demi_cancel,
  demi_close,
  demi_connect,
  demi_create_pipe,
  demi_fini,
  demi_getpeername,
  demi_getsockname,
  demi_getsockopt,
  demi_init,
  demi_listen,
  demi_open_pipe,
  demi_pop,
  demi_push,
  demi_pushto,
  demi_queue,
  demi_setsockopt,
  demi_sgaalloc,
  demi_sgafree,
  demi_shutdown,
  demi_socket,
  demi_wait,
  demi_wait_all,
  demi_wait_any,
  demi_wait_next_n,
} from './demi/default-libos';
