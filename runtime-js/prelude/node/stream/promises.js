// node:stream/promises.

export default function streamPromises(native, tools) {
  const { finishing, pipelinePromise } = tools.part("node/streams/ending");
  return { finished: finishing, pipeline: pipelinePromise };
}
