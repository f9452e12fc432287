// Private keys for tests. They contain the canary, so a scan finds a key that is stored in plain text.
import { createECDH, createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import { CANARY } from './vault.mjs';

const pkcs8 = { type: 'pkcs8', format: 'pem' };

export function rsaKey() {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { pem: privateKey.export(pkcs8), publicKey };
}

/** In PKCS#8, the number of a P-256 key begins at byte 36. Its base64 text therefore appears in the PEM unchanged. */
export function p256Key() {
  const number = Buffer.concat([Buffer.from(CANARY, 'base64'), randomBytes(32)]).subarray(0, 32);
  const point = createECDH('prime256v1');
  point.setPrivateKey(number);
  const [x, y] = [1, 33].map((at) => point.getPublicKey().subarray(at, at + 32));
  const [d, ...xy] = [number, x, y].map((part) => part.toString('base64url'));
  const privateKey = createPrivateKey({ format: 'jwk', key: { kty: 'EC', crv: 'P-256', d, x: xy[0], y: xy[1] } });
  return { pem: privateKey.export(pkcs8), publicKey: createPublicKey(privateKey) };
}

/** The output format of `openssl pkcs12 -nodes`, with text before the key. */
export function withBag(pem) {
  return `Bag Attributes\n    friendlyName: ${CANARY}\nKey Attributes: <No Attributes>\n${pem}`;
}

/** The complete lines, without the first and the last. */
export function linesOf(pem) {
  return pem.split('\n').filter((line) => line.length === 64);
}
