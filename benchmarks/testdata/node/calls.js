// Makes the calls that come as lines of JSON on standard input, and answers each with a line of JSON.
'use strict';
const { default: Client, Config, OpenApiRequest, Params } = require('@alicloud/openapi-client');
const { RuntimeOptions } = require('@alicloud/tea-util');

async function call(c) {
  const client = new Client(new Config({
    accessKeyId: c.id,
    accessKeySecret: c.secret,
    securityToken: c.token || undefined,
    endpoint: c.host,
    signatureAlgorithm: c.rpc ? 'v2' : undefined, // v2 is HMAC-SHA1
  }));
  const params = new Params({
    action: c.action, version: '2020-09-30', protocol: 'HTTP', pathname: '/', method: c.method,
    authType: 'AK', style: 'RPC', reqBodyType: 'formData', bodyType: 'json',
  });
  const request = new OpenApiRequest(c.form ? { body: c.parameters } : { query: c.parameters });
  const { body } = await client.callApi(params, request, new RuntimeOptions({}));
  return body;
}

(async () => {
  for await (const line of require('readline').createInterface({ input: process.stdin })) {
    const answer = await call(JSON.parse(line)).then((reply) => ({ reply }), (error) => ({ error: `${error.code}: ${error.message}` }));
    process.stdout.write(JSON.stringify(answer) + '\n');
  }
})();
