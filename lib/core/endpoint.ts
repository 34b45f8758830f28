// Endpoints: from what a caller writes to the words that the native side reads, and back to text.
//
// Only addresses are understood, in their usual spellings: the platform's own check (node:net) decides what an address is, because
// ipaddr.js also takes '127.1', '0x7f.1' and octal numbers; ipaddr.js then gives the bytes.

import * as ipaddr from 'ipaddr.js';
import { isIPv4, isIPv6 } from 'node:net';

import { describe, invalidType } from './arguments';
import { DemiError } from './errors';

/**
 * An address and a port.
 *
 * Calls also take it as text: `'10.0.0.1:80'`, `'[fd00::1]:80'`, `'[fe80::1%2]:80'`. Host names are not resolved: use node:dns.
 *
 * @example
 * ```ts
 * import { type Endpoint } from 'demi-io';
 *
 * const server: Endpoint = { address: 'fd00::1', port: 80 };
 * ```
 */
export interface Endpoint {
  /** An IPv4 or IPv6 address, without brackets. */
  address: string;
  /** A port, 0 to 65535; 0 asks for any free one where a local endpoint is meant. */
  port: number;
  /** The number of the interface that a link-local IPv6 address belongs to. */
  scopeId?: number;
}

/** Four 32-bit words of an address, big-endian, each as an int32: an IPv4 address is in the first, the others are 0. */
export type AddressWords = readonly [number, number, number, number];

/** An endpoint as the native side reads it. The object may be shared with other calls. */
export interface ParsedEndpoint {
  readonly family: 4 | 6;
  readonly words: AddressWords;
  readonly port: number;
  /** 0 when there is none; an unsigned 32-bit number. */
  readonly scopeId: number;
}

interface ParsedAddress {
  readonly family: 4 | 6;
  readonly words: AddressWords;
  readonly scopeId: number;
}

const PORT_MAX = 65535;
const SCOPE_MAX = 0xffffffff;
const VALID = "'10.0.0.1:80', '[fd00::1]:80' or { address, port }";

// Datagram programs send to the same few endpoints over and over, and parsing costs more than the call. When full, a cache starts
// again: with that many peers the order of their use tells nothing.
const CACHE_ENTRIES_MAX = 1024;
const parsedAddresses = new Map<string, ParsedAddress>();
const parsedEndpoints = new Map<string, ParsedEndpoint>();

function remember<T>(cache: Map<string, T>, key: string, value: T): T {
  if (cache.size >= CACHE_ENTRIES_MAX) cache.clear();
  cache.set(key, value);
  return value;
}

function invalidEndpoint(syscall: string, detail: string): DemiError {
  return new DemiError('EINVAL', syscall, { detail });
}

function wordsFrom(bytes: readonly number[]): AddressWords {
  const word = (at: number): number =>
    at < bytes.length ? (bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3] : 0;
  return [word(0), word(4), word(8), word(12)];
}

/** Says why a text is not an address, in the words of the mistake that was probably made. */
function explainAddress(text: string): string {
  const shown = `address ${describe(text)}`;
  if (text === '') return "address is ''; valid is an IPv4 or IPv6 address, '0.0.0.0' or '::' for any";
  if (text.startsWith('[')) return `${shown} must stand without brackets in an object`;
  if (/^[0-9.]+$/.test(text) || /^0x/i.test(text)) {
    return `${shown} is not an IPv4 address; valid are four decimal numbers from 0 to 255 without leading zeros, such as '10.0.0.1'`;
  }
  if (text.includes('%')) return `${shown} is not an IPv6 address with the number of an interface, such as 'fe80::1%2'`;
  if (text.includes(':')) return `${shown} is not an IPv6 address, such as 'fd00::1'`;
  return `${shown} is not an IP address; host names are not resolved here: resolve it with node:dns and pass the address`;
}

/** The last 32 bits as two groups of hexadecimal digits (RFC 4291 2.2): ipaddr.js takes '::1.2.3.4' for '::ffff:1.2.3.4'. */
function withoutDots(address: string): string {
  if (!address.includes('.')) return address;
  const at = address.lastIndexOf(':') + 1;
  const [a, b, c, d] = address.slice(at).split('.').map(Number);
  return `${address.slice(0, at)}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
}

function parseAddress(text: string, syscall: string): ParsedAddress {
  const known = parsedAddresses.get(text);
  if (known !== undefined) return known;
  if (isIPv4(text)) {
    const words = wordsFrom(ipaddr.IPv4.parse(text).toByteArray());
    return remember(parsedAddresses, text, { family: 4, words, scopeId: 0 });
  }
  const [address, zone] = text.includes('%') ? text.split('%', 2) : [text, '0'];
  const scopeId = /^\d{1,10}$/.test(zone) ? Number(zone) : NaN;
  if (isIPv6(address) && scopeId <= SCOPE_MAX && text.indexOf('%') === text.lastIndexOf('%')) {
    const words = wordsFrom(ipaddr.IPv6.parse(withoutDots(address)).toByteArray());
    return remember(parsedAddresses, text, { family: 6, words, scopeId });
  }
  throw invalidEndpoint(syscall, explainAddress(text));
}

function parseText(text: string, syscall: string): ParsedEndpoint {
  const known = parsedEndpoints.get(text);
  if (known !== undefined) return known;
  const match = /^(?:\[([^\]]*)\]|([^:[\]]*)):(\d{1,5})$/.exec(text);
  if (match === null) throw invalidEndpoint(syscall, explainText(text));
  const [, bracketed, bare, digits] = match;
  const port = Number(digits);
  if (port > PORT_MAX) throw invalidEndpoint(syscall, `the port of ${describe(text)} must be an integer from 0 to 65535`);
  if (bracketed !== undefined && isIPv4(bracketed)) {
    throw invalidEndpoint(syscall, `${describe(text)} has an IPv4 address in brackets; valid is '${bracketed}:${port}'`);
  }
  const parsed = parseAddress(bracketed ?? bare, syscall);
  return remember(parsedEndpoints, text, { ...parsed, port });
}

/** Says why a text is not an endpoint. */
function explainText(text: string): string {
  const shown = `endpoint ${describe(text)}`;
  if (isIPv4(text)) return `${shown} has no port; valid is '${text}:80' or { address, port }`;
  if (isIPv6(text)) return `${shown} is an IPv6 address without brackets and port; valid is '[${text}]:80' or { address, port }`;
  if (/^\[.*\]$/.test(text)) return `${shown} has no port; valid is '${text}:80' or { address, port }`;
  const colon = text.lastIndexOf(':');
  if (colon < 0) return `${shown} has no port; valid is ${VALID}`;
  const address = text.slice(0, colon);
  if (/^\d+$/.test(text.slice(colon + 1)) && address.includes(':') && !address.includes('[')) {
    return `${shown} has an IPv6 address without brackets; valid is '[${address}]${text.slice(colon)}'`;
  }
  return `the port of ${describe(text)} must be an integer from 0 to 65535; valid is ${VALID}`;
}

function parseObject(value: object, syscall: string): ParsedEndpoint {
  const { address, port, scopeId } = value as { address?: unknown; port?: unknown; scopeId?: unknown };
  if (typeof address !== 'string') throw invalidType('address', address, 'a string with an IPv4 or IPv6 address', syscall);
  if (typeof port !== 'number') throw invalidType('port', port, 'an integer from 0 to 65535', syscall);
  if (!(Number.isInteger(port) && port >= 0 && port <= PORT_MAX)) {
    throw invalidEndpoint(syscall, `port must be an integer from 0 to 65535; it is ${describe(port)}`);
  }
  const parsed = parseAddress(address, syscall);
  if (scopeId === undefined) return { family: parsed.family, words: parsed.words, port, scopeId: parsed.scopeId };

  if (typeof scopeId !== 'number') throw invalidType('scopeId', scopeId, 'the number of an interface', syscall);
  if (!(Number.isInteger(scopeId) && scopeId >= 0 && scopeId <= SCOPE_MAX)) {
    throw invalidEndpoint(syscall, `scopeId must be an integer from 0 to ${SCOPE_MAX}; it is ${describe(scopeId)}`);
  }
  if (parsed.family === 4 && scopeId !== 0) {
    throw invalidEndpoint(syscall, `scopeId is ${scopeId}, but ${address} is an IPv4 address: only IPv6 addresses have one`);
  }
  if (parsed.scopeId !== 0 && parsed.scopeId !== scopeId) {
    throw invalidEndpoint(syscall, `scopeId is ${scopeId}, but address ${describe(address)} says ${parsed.scopeId}`);
  }
  return { family: parsed.family, words: parsed.words, port, scopeId };
}

/**
 * Parses an endpoint as callers write it: `'10.0.0.1:80'`, `'[fd00::1]:80'` or `{ address, port, scopeId? }`.
 *
 * @param syscall - the call that it is an argument of, for the error.
 * @throws TypeError if it is neither a string nor an object, or a member has the wrong type.
 * @throws {@link DemiError} `EINVAL` if it is not an address (host names are not resolved) or the port is out of range.
 */
export function parseEndpoint(value: unknown, syscall: string): ParsedEndpoint {
  if (typeof value === 'string') return parseText(value, syscall);
  if (typeof value === 'object' && value !== null) return parseObject(value, syscall);
  throw invalidType('endpoint', value, VALID, syscall);
}

function dottedQuad(word: number): string {
  return `${word >>> 24}.${(word >>> 16) & 0xff}.${(word >>> 8) & 0xff}.${word & 0xff}`;
}

/**
 * Gives the text of an address from its words: dotted quad, or the one spelling of RFC 5952 for IPv6. The IPv4 part of an IPv4-mapped
 * address is dotted, as Node has it: `::ffff:10.0.0.1` (RFC 5952 section 5).
 */
export function formatAddress(family: 4 | 6, word0: number, word1: number, word2: number, word3: number): string {
  if (family === 4) return dottedQuad(word0);
  if (word0 === 0 && word1 === 0 && word2 === 0xffff) return `::ffff:${dottedQuad(word3)}`;
  const parts = [word0, word1, word2, word3].flatMap((word) => [word >>> 16, word & 0xffff]);
  return new ipaddr.IPv6(parts).toRFC5952String();
}

/** Gives the endpoint of an address in words and a port; `scopeId` is a member only when it is not 0. */
export function formatEndpoint(
  family: 4 | 6,
  word0: number,
  word1: number,
  word2: number,
  word3: number,
  port: number,
  scopeId: number,
): Endpoint {
  const address = formatAddress(family, word0, word1, word2, word3);
  return scopeId === 0 ? { address, port } : { address, port, scopeId: scopeId >>> 0 };
}
