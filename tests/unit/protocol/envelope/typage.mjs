// Seals and opens with npm's age-encryption, the independent age of the tests: a list of tasks in JSON on standard
// input, their results in JSON on standard output; bytes are base64.
import * as age from "age-encryption";
import { readFileSync } from "node:fs";

const bytes = (text) => new Uint8Array(Buffer.from(text, "base64"));
const text = (data) => Buffer.from(data).toString("base64");
const WORK_FACTOR = 10; // the tests prove that files open, not that guessing is slow

function seal({ recipients, passphrase, data }) {
  const encrypter = new age.Encrypter();
  for (const recipient of recipients ?? []) encrypter.addRecipient(recipient);
  if (passphrase) {
    encrypter.setPassphrase(passphrase);
    encrypter.setScryptWorkFactor(WORK_FACTOR);
  }
  return encrypter.encrypt(bytes(data));
}

function open({ identity, data }) {
  const decrypter = new age.Decrypter();
  decrypter.addIdentity(identity);
  return decrypter.decrypt(bytes(data));
}

const results = [];
for (const task of JSON.parse(readFileSync(0))) {
  results.push(text(await (task.identity ? open(task) : seal(task))));
}
process.stdout.write(JSON.stringify(results));
