import * as fc from 'fast-check';
import { isIPv6 } from 'node:net';

import { formatAddress, formatEndpoint, parseEndpoint } from '../../../lib/core/endpoint';
import { DemiError } from '../../../lib/core/errors';

function messageOf(value: unknown): string {
  try {
    parseEndpoint(value, 'connect');
  } catch (error) {
    expect(error).toBeInstanceOf(DemiError);
    expect(error).toMatchObject({ code: 'EINVAL', syscall: 'connect' });
    return (error as Error).message;
  }
  throw new Error(`${String(value)} was accepted`);
}

const words = (...unsigned: number[]): number[] => unsigned.map((word) => word | 0);

describe('endpoints that are valid', () => {
  test.each([
    ['10.0.0.1:80', { family: 4, words: words(0x0a000001, 0, 0, 0), port: 80, scopeId: 0 }],
    ['0.0.0.0:0', { family: 4, words: words(0, 0, 0, 0), port: 0, scopeId: 0 }],
    ['255.255.255.255:65535', { family: 4, words: words(0xffffffff, 0, 0, 0), port: 65535, scopeId: 0 }],
    ['[fd00::1]:80', { family: 6, words: words(0xfd000000, 0, 0, 1), port: 80, scopeId: 0 }],
    ['[::]:0', { family: 6, words: words(0, 0, 0, 0), port: 0, scopeId: 0 }],
    ['[::ffff:10.0.0.1]:1', { family: 6, words: words(0, 0, 0xffff, 0x0a000001), port: 1, scopeId: 0 }],
    ['[::10.0.0.1]:1', { family: 6, words: words(0, 0, 0, 0x0a000001), port: 1, scopeId: 0 }],
    ['[64:ff9b::192.0.2.255%1]:1', { family: 6, words: words(0x64ff9b, 0, 0, 0xc00002ff), port: 1, scopeId: 1 }],
    ['[1:2:3:4:5:6:7.8.9.10]:1', { family: 6, words: words(0x10002, 0x30004, 0x50006, 0x0708090a), port: 1, scopeId: 0 }],
    ['[FE80::1%3]:80', { family: 6, words: words(0xfe800000, 0, 0, 1), port: 80, scopeId: 3 }],
    ['[1:2:3:4:5:6:7:8]:9', { family: 6, words: words(0x10002, 0x30004, 0x50006, 0x70008), port: 9, scopeId: 0 }],
  ])('%s', (text, parsed) => {
    expect(parseEndpoint(text, 'connect')).toEqual(parsed);
    expect(parseEndpoint(text, 'connect')).toEqual(parsed);
  });

  test('an object, with or without an interface', () => {
    expect(parseEndpoint({ address: '10.0.0.1', port: 80 }, 'bind')).toEqual(parseEndpoint('10.0.0.1:80', 'bind'));
    expect(parseEndpoint({ address: 'fe80::1', port: 80, scopeId: 3 }, 'bind')).toEqual(parseEndpoint('[fe80::1%3]:80', 'bind'));
    expect(parseEndpoint({ address: 'fe80::1%3', port: 80, scopeId: 3 }, 'bind').scopeId).toBe(3);
    expect(parseEndpoint({ address: 'fe80::1%3', port: 80 }, 'bind').scopeId).toBe(3);
    expect(parseEndpoint({ address: '10.0.0.1', port: 80, scopeId: 0 }, 'bind').scopeId).toBe(0);
    expect(parseEndpoint({ address: 'fe80::1', port: 80, scopeId: 0xffffffff }, 'bind').scopeId).toBe(0xffffffff);
  });

  test('more members than needed do no harm: what net.Server.address() gives is an endpoint', () => {
    expect(parseEndpoint({ address: '127.0.0.1', family: 'IPv4', port: 8 }, 'bind').port).toBe(8);
  });
});

describe('addresses that are not valid', () => {
  test.each([
    '127.1', '0x7f.1', '0x7f000001', '2130706433', '010.0.0.1', '10.0.0.01', '10.0.0.256', '10.0.0', '10.0.0.1.', '.10.0.0.1',
    '10.0.0.1 ', ' 10.0.0.1', '10..0.1', '1e1.0.0.1', '', 'localhost', 'example.com', '::g', ':::', '1::2::3', '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9', '::ffff:010.0.0.1', '::ffff:0x7f.1', '12345::', '[fd00::1]', 'fe80::1%eth0', 'fe80::1%', 'fe80::1%-1',
    'fe80::1%4294967296', 'fe80::1%1%1', '10.0.0.1%1', '10.0.0.1:80', '１0.0.0.1', '10.0.0.1\0',
  ])('%j', (address) => {
    expect(messageOf({ address, port: 80 })).toMatch(/^EINVAL: invalid argument, connect: address /);
  });

  test.each([
    ['example.com', 'resolve it with node:dns'],
    ['010.0.0.1', 'without leading zeros'],
    ['[fd00::1]', 'without brackets'],
    ['fe80::1%eth0', 'number of an interface'],
    ['::g', "such as 'fd00::1'"],
    ['', 'for any'],
  ])('%j is answered with: %s', (address, hint) => {
    expect(messageOf({ address, port: 80 })).toContain(hint);
    expect(messageOf({ address, port: 80 })).toContain(`'${address}'`);
  });
});

describe('text that is not an endpoint', () => {
  test.each([
    ['10.0.0.1', "valid is '10.0.0.1:80'"],
    ['fd00::1', "valid is '[fd00::1]:80'"],
    ['[fd00::1]', "valid is '[fd00::1]:80'"],
    ['fd00::abcd:80:80', 'brackets'],
    ['1:2:3:4:5:6:7:8:80', "valid is '[1:2:3:4:5:6:7:8]:80'"],
    ['example.com:80', 'resolve it with node:dns'],
    ['example.com', 'no port'],
    [':80', "address is ''"],
    ['[]:80', "address is ''"],
    ['10.0.0.1:', 'port'],
    ['10.0.0.1:65536', 'from 0 to 65535'],
    ['10.0.0.1:123456', 'from 0 to 65535'],
    ['10.0.0.1:-1', 'from 0 to 65535'],
    ['10.0.0.1:8.5', 'from 0 to 65535'],
    ['10.0.0.1:0x50', 'from 0 to 65535'],
    ['10.0.0.1:http', 'from 0 to 65535'],
    ['10.0.0.1: 80', 'from 0 to 65535'],
    ['[10.0.0.1]:80', "valid is '10.0.0.1:80'"],
    ['127.1:80', 'IPv4'],
    ['', 'no port'],
    ['http://10.0.0.1:80', 'brackets'],
  ])('%j is answered with: %s', (text, hint) => {
    expect(messageOf(text)).toContain(hint);
  });
});

describe('wrong types', () => {
  test.each([undefined, null, 80, 80n, true, Symbol('x'), () => {}])('%p is no endpoint', (value) => {
    expect(() => parseEndpoint(value, 'connect')).toThrow(TypeError);
    expect(() => parseEndpoint(value, 'connect')).toThrow(/^connect: endpoint must be '10.0.0.1:80'/);
  });
  test.each([
    [{}, /address/], [[], /address/], [{ address: 1, port: 1 }, /address/], [{ port: 1 }, /address/],
    [{ address: '10.0.0.1' }, /port/], [{ address: '10.0.0.1', port: '80' }, /port/], [{ address: '10.0.0.1', port: null }, /port/],
    [{ address: 'fe80::1', port: 1, scopeId: '2' }, /scopeId/], [{ address: 'fe80::1', port: 1, scopeId: null }, /scopeId/],
  ])('%p has a member of a wrong type', (value, name) => {
    expect(() => parseEndpoint(value, 'connect')).toThrow(TypeError);
    expect(() => parseEndpoint(value, 'connect')).toThrow(name);
  });
  test.each([-1, 65536, 1.5, NaN, Infinity])('port %p is out of range', (port) => {
    expect(messageOf({ address: '10.0.0.1', port })).toContain('port must be an integer from 0 to 65535');
  });
  test.each([-1, 2 ** 32, 1.5, NaN])('scopeId %p is out of range', (scopeId) => {
    expect(messageOf({ address: 'fe80::1', port: 1, scopeId })).toContain('scopeId must be an integer from 0 to 4294967295');
  });
  test('an interface where none can be, or two of them', () => {
    expect(messageOf({ address: '10.0.0.1', port: 1, scopeId: 1 })).toContain('only IPv6 addresses have one');
    expect(messageOf({ address: 'fe80::1%2', port: 1, scopeId: 1 })).toContain("'fe80::1%2' says 2");
  });
});

describe('text of addresses', () => {
  // The examples of RFC 5952, section 4.
  test.each([
    [[0x20010db8, 0, 0, 1], '2001:db8::1'],
    [[0x20010db8, 0, 0, 0x00020001], '2001:db8::2:1'],
    [[0x20010db8, 0x00000001, 0x00010001, 0x00010001], '2001:db8:0:1:1:1:1:1'],
    [[0x20010000, 0x00000001, 0, 1], '2001:0:0:1::1'],
    [[0x20010db8, 0, 0x00010000, 1], '2001:db8::1:0:0:1'],
    [[0, 0, 0, 0], '::'],
    [[0, 0, 0, 1], '::1'],
    [[0, 0, 0xffff, 0x0a000001], '::ffff:10.0.0.1'],
    [[0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff], 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
    [[0xfe800000, 0, 0, 0], 'fe80::'],
  ])('%p is %s', ([a, b, c, d], text) => {
    expect(formatAddress(6, a, b, c, d)).toBe(text);
    expect(formatAddress(6, a | 0, b | 0, c | 0, d | 0)).toBe(text);
  });

  test('IPv4, also from negative words', () => {
    expect(formatAddress(4, 0xffffffff | 0, 0, 0, 0)).toBe('255.255.255.255');
    expect(formatAddress(4, 0x0a000001, 0, 0, 0)).toBe('10.0.0.1');
  });

  test('an endpoint has an interface only if there is one', () => {
    expect(formatEndpoint(4, 0x7f000001, 0, 0, 0, 80, 0)).toEqual({ address: '127.0.0.1', port: 80 });
    expect(formatEndpoint(6, 0xfe800000, 0, 0, 1, 80, -1)).toEqual({ address: 'fe80::1', port: 80, scopeId: 0xffffffff });
  });

  // Runs of zeros are what the spelling is about, so they are likely here.
  const group = fc.oneof({ weight: 2, arbitrary: fc.constant(0) }, fc.integer({ min: 0, max: 0xffff }));
  const sixteenBytes = fc.array(group, { minLength: 8, maxLength: 8 });

  test('every IPv6 address is spelled as a URL spells it, and parses back to the same words', () => {
    fc.assert(
      fc.property(sixteenBytes, (groups) => {
        const [a, b, c, d] = [0, 2, 4, 6].map((at) => (groups[at] << 16) | groups[at + 1]);
        const text = formatAddress(6, a, b, c, d);
        expect(isIPv6(text)).toBe(true);
        const plain = groups.map((one) => one.toString(16)).join(':');
        if (!text.includes('.')) expect(`[${text}]`).toBe(new URL(`http://[${plain}]/`).hostname);
        expect(parseEndpoint(`[${text}]:1`, 'bind').words).toEqual([a, b, c, d]);
        expect(parseEndpoint(`[${plain}]:1`, 'bind').words).toEqual([a, b, c, d]);
      }),
      { numRuns: 2000 },
    );
  });

  test('every IPv4 address parses back to the same word', () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 0, max: 65535 }), (word, port) => {
        const { address } = formatEndpoint(4, word, 0, 0, 0, port, 0);
        expect(parseEndpoint(`${address}:${port}`, 'bind')).toEqual({ family: 4, words: [word, 0, 0, 0], port, scopeId: 0 });
      }),
    );
  });

  test('no text whatever makes it throw anything but EINVAL', () => {
    const pieces = fc.constantFrom('[', ']', ':', '::', '.', '%', '1', '10', 'ff', '0', 'g', '65536', ' ');
    const text = fc.oneof(fc.string(), fc.array(pieces, { maxLength: 12 }).map((list) => list.join('')));
    fc.assert(
      fc.property(text, (value) => {
        try {
          const { words: parsed, port } = parseEndpoint(value, 'bind');
          expect(parsed).toHaveLength(4);
          expect(port).toBeLessThanOrEqual(65535);
        } catch (error) {
          expect(error).toMatchObject({ code: 'EINVAL' });
        }
      }),
      { numRuns: 2000 },
    );
  });
});
