// Uploads files with the unmodified tus-js-client, by its public options alone: one JSON request on standard input.
import { createReadStream, readFileSync } from "node:fs";
import { DefaultHttpStack, Upload } from "tus-js-client";

const asked = JSON.parse(readFileSync(0, "utf8"));
const httpStack = new DefaultHttpStack({
  ca: readFileSync(asked.authority),
  cert: readFileSync(asked.certificate),
  key: readFileSync(asked.key),
});

for (const { path, size, metadata } of asked.files) {
  await new Promise((resolve, reject) => {
    new Upload(createReadStream(path), {
      endpoint: asked.endpoint,
      headers: asked.headers,
      metadata,
      uploadSize: size,
      chunkSize: asked.chunkSize,
      uploadDataDuringCreation: asked.duringCreation,
      overridePatchMethod: asked.overridePatchMethod,
      retryDelays: asked.retryDelays,
      httpStack,
      onError: reject,
      onSuccess: resolve,
    }).start();
  });
}
