#!/usr/bin/env node
'use strict';

// Says something to a Sockeye device over plain TCP and prints the answer. Needs nothing but Node.js.

const net = require('node:net');

const DEFAULT_HOST = '192.168.1.1';
const DEFAULT_PORT = 3000;
const DEFAULT_MESSAGE = 'Hello from Node.js';
const CONNECT_TIMEOUT_MS = 5_000;
const REPLY_TIMEOUT_MS = 10_000;
const REPLY_LEN_MAX = 64 * 1024;

const USAGE = `Usage: hello.js [HOST] [PORT] [MESSAGE]

Sends MESSAGE to a Sockeye device and prints its reply.

  HOST     the device's name or address (default ${DEFAULT_HOST})
  PORT     the device's TCP port (default ${DEFAULT_PORT})
  MESSAGE  what to say (default "${DEFAULT_MESSAGE}")
  --help   print this and do nothing

Exit status: 0 the device replied, 1 it did not, 2 bad arguments.
`;

/** Arguments that make no sense; the message says which and why. */
class UsageError extends Error {}

/**
 * Reads the command line's arguments.
 * @param {string[]} args what follows the script's name
 * @returns {{host: string, port: number, message: string}}
 * @throws {UsageError}
 */
function parseArguments(args) {
  const option = args.slice(0, 2).find((arg) => arg.startsWith('-'));
  if (option !== undefined) throw new UsageError(`unknown option ${option}`);
  if (args.length > 3) throw new UsageError(`too many arguments; put the message in quotes`);
  const [host = DEFAULT_HOST, portText = String(DEFAULT_PORT), message = DEFAULT_MESSAGE] = args;
  const port = /^\d{1,5}$/.test(portText) ? Number(portText) : 0;
  if (host === '') throw new UsageError('the host is empty');
  if (port < 1 || port > 65_535) throw new UsageError(`"${printable(portText)}" is no port: 1 to 65535`);
  // The device answers the first bytes it gets, so it would wait for an empty message for ever.
  if (message === '') throw new UsageError('the message is empty');
  return { host, port, message };
}

/**
 * Sends a message and reads until the device closes the connection.
 *
 * Never rejects: how it ended is in `outcome`, one of the keys of {@link explanations} or `replied`.
 * @param {{host: string, port: number, message: string, connectTimeoutMs?: number, replyTimeoutMs?: number,
 *   connect?: typeof net.connect}} request
 * @returns {Promise<{outcome: string, reply: Buffer, code?: string}>}
 */
function ask({
  host,
  port,
  message,
  connectTimeoutMs = CONNECT_TIMEOUT_MS,
  replyTimeoutMs = REPLY_TIMEOUT_MS,
  connect = net.connect,
}) {
  return new Promise((resolve) => {
    const chunks = [];
    let len = 0;
    const socket = connect({ host, port });
    let timer = setTimeout(() => finish('connectTimeout'), connectTimeoutMs);

    const finish = (outcome, code) => {
      clearTimeout(timer);
      socket.destroy();
      resolve({ outcome, reply: Buffer.concat(chunks), code });
    };

    socket.once('connect', () => {
      clearTimeout(timer);
      timer = setTimeout(() => finish('replyTimeout'), replyTimeoutMs);
      socket.write(`${message}\n`);
    });
    socket.on('data', (chunk) => {
      chunks.push(chunk);
      len += chunk.length;
      if (len > REPLY_LEN_MAX) finish('tooLong');
    });
    socket.once('end', () => finish(outcomeOfReply(Buffer.concat(chunks))));
    socket.once('error', (error) => finish(outcomeOfError(error), error.code));
  });
}

function outcomeOfReply(reply) {
  if (reply.length === 0) return 'empty';
  return /^-?ERR max number of clients reached/.test(reply.toString('latin1')) ? 'full' : 'replied';
}

function outcomeOfError(error) {
  switch (error.code) {
    case 'ECONNREFUSED':
      return 'refused';
    case 'ETIMEDOUT':
      return 'connectTimeout';
    case 'ECONNRESET':
    case 'EPIPE':
      return 'reset';
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'EHOSTDOWN':
    case 'ENETDOWN':
    case 'EADDRNOTAVAIL':
      return 'unreachable';
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return 'unknownName';
    default:
      return 'other';
  }
}

const CHECK_NETWORK = 'Is this computer on the device\'s network? Its access point is named sockeye-XXXX.';
const CHECK_ADDRESS = 'Is the address right? The device prints it on its console.';
const CHECK_PORT = 'Is the port right? It is 3000 unless somebody changed it.';
const CHECK_LISTENING = 'Is the program on the device running, and does its console say that it listens?';
const CHECK_FULL = 'Is the device full? Close other clients, or try again in some seconds.';
const CHECK_POWER = 'Is the device powered and in range?';

/** For each outcome but a reply: what it means, and what to check. */
const explanations = {
  refused: ['The address answers, but nothing listens on this port.', CHECK_PORT, CHECK_LISTENING, CHECK_ADDRESS],
  connectTimeout: ['Nothing answered in time.', CHECK_NETWORK, CHECK_ADDRESS, CHECK_POWER],
  unreachable: ['This computer knows no way to that address.', CHECK_NETWORK, CHECK_ADDRESS, CHECK_POWER],
  unknownName: ['No such name was found.', 'Is the name spelled right?', CHECK_NETWORK, 'Try the address in place of the name.'],
  replyTimeout: ['Connected, but the reply did not come, or did not end, in time.', CHECK_PORT, CHECK_FULL, CHECK_LISTENING],
  reset: ['The connection was cut off by the other side.', CHECK_FULL, 'Did the device restart? Its console shows it.', CHECK_PORT],
  full: ['The device is full: it serves as many clients as it can.', CHECK_FULL],
  empty: ['The connection was closed without a reply.', CHECK_PORT, CHECK_LISTENING, CHECK_FULL],
  tooLong: [`The reply is longer than ${REPLY_LEN_MAX} bytes, so this is no hello server.`, CHECK_PORT],
  other: ['The connection failed.', CHECK_NETWORK, CHECK_ADDRESS, CHECK_PORT],
};

/**
 * Says in plain words why there is no good reply.
 * @returns {string} some lines
 */
function explain({ outcome, code }, host, port) {
  const [meaning, ...checks] = explanations[outcome];
  const cause = code === undefined ? '' : ` (${code})`;
  const lines = [`${printable(host)} port ${port}: ${meaning}${cause}`, ...checks.map((check) => `  - ${check}`)];
  return `${lines.join('\n')}\n`;
}

/**
 * Makes text from a device safe to print: what could steer a terminal, or hide text, is written as an escape.
 * Line ends and tabs stay as they are.
 * @param {Buffer | string} text
 */
function printable(text) {
  // Cc but tab and line feed; then direction marks, which can show text in another order than it has.
  const unsafe = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;
  return text
    .toString('utf8')
    .replaceAll('\r\n', '\n')
    .replace(unsafe, (char) => {
      const code = char.charCodeAt(0);
      return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`;
    });
}

/** The program: returns its exit status. */
async function main(args) {
  if (args.some((arg) => arg === '--help' || arg === '-h')) {
    process.stdout.write(USAGE);
    return 0;
  }
  let request;
  try {
    request = parseArguments(args);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`hello.js: ${error.message}; see --help\n`);
    return 2;
  }
  const result = await ask(request);
  if (result.reply.length > 0 && result.outcome !== 'full') {
    const text = printable(result.reply);
    process.stdout.write(text.endsWith('\n') ? text : `${text}\n`);
  }
  if (result.outcome === 'replied') return 0;
  process.stderr.write(explain(result, request.host, request.port));
  return 1;
}

if (require.main === module) {
  main(process.argv.slice(2)).then((status) => {
    process.exitCode = status;
  });
}

module.exports = { UsageError, ask, explain, explanations, parseArguments, printable };
