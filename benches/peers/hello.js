// Hello world on workerd: same status, same content type, same body as examples/hello.
export default {
  fetch() {
    return new Response("Hello from Steading.\n", {
      headers: { "content-type": "text/plain; charset=utf-8" },
    });
  },
};
