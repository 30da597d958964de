// The sequence of the Terraform provider, with the vendor's client for Node.js.

const assert = require("node:assert/strict");
const fs = require("node:fs");
const { setTimeout: pause } = require("node:timers/promises");
const EdgeGrid = require("akamai-edgegrid");

const PREFIX = "/mtls-edge-truststore/v2";
const [edgerc, firstFile, secondFile] = process.argv.slice(2);

function send(method, path, expected, body) {
  return new Promise((resolve, reject) => {
    const client = new EdgeGrid({ path: edgerc, section: "default" });
    client.auth({ method, path, body }).send((error, response) => {
      const answer = error ? error.response : response;
      if (!answer) return reject(error);
      const said = JSON.stringify(answer.data);
      if (!expected.includes(answer.status)) {
        return reject(new Error(`${method} ${path}: ${answer.status} ${said}`));
      }
      resolve(answer);
    });
  });
}

const call = async (method, path, expected, body) => (await send(method, path, [expected], body)).data;

function isDate(text) {
  assert.ok(Date.parse(text) > 0, text);
}

// Asks until the work is finished. The hint when to come back has to be a date; a local instance is sooner.
async function poll(path, field, finished) {
  const deadline = Date.now() + 30_000;
  for (;;) {
    const answer = await send("GET", path, [200, 202]);
    if (answer.status === 200 && answer.data[field] === finished) return;
    assert.ok(answer.data[field] !== "FAILED" && Date.now() < deadline, JSON.stringify(answer.data));
    if (answer.headers["retry-after"]) isDate(answer.headers["retry-after"]);
    await pause(50);
  }
}

function upload(...files) {
  const certificates = files.map((file) => ({ certificatePem: fs.readFileSync(file, "utf8") }));
  return { allowInsecureSha1: false, certificates };
}

async function change(link, action, network) {
  const started = await send("POST", `${link}/${action}`, [202], { network });
  assert.equal(started.data.activationType, action.toUpperCase());
  isDate(started.headers["retry-after"]);
  await poll(started.data.activationLink, "activationStatus", "COMPLETE");
}

async function active(link, staging, production) {
  const set = await call("GET", link, 200);
  assert.deepEqual([set.stagingVersion, set.productionVersion], [staging, production]);
  return set;
}

async function lifecycle() {
  // Plan.
  const validated = await call("POST", `${PREFIX}/certificates/validate`, 200, upload(firstFile));
  assert.equal(validated.certificates.length, 1);

  // Create.
  const made = await call("POST", `${PREFIX}/ca-sets`, 201, { caSetName: "from-node", description: "tür" });
  const link = made.caSetLink;
  const first = (await call("POST", `${link}/versions`, 201, upload(firstFile))).versionLink;
  assert.equal((await active(link, null, null)).latestVersion, 1);

  // Activate.
  await change(first, "activate", "STAGING");
  await change(first, "activate", "PRODUCTION");
  await active(link, 1, 1);

  // Update: an active version cannot change, so its clone does.
  const refused = await call("PUT", first, 422, upload(secondFile));
  assert.match(refused.type, /\/ca-set-version-is-active$/);
  const second = (await call("POST", `${first}/clone`, 201)).versionLink;
  const updated = await call("PUT", second, 200, upload(firstFile, secondFile));
  assert.deepEqual([updated.version, updated.certificates.length], [2, 2]);
  await change(second, "activate", "STAGING");
  await change(second, "activate", "PRODUCTION");
  const { caSetId } = await active(link, 2, 2);

  // Roll back.
  const back = await call("POST", `/v1/ca-sets/${caSetId}/rollback`, 202, { network: "PRODUCTION" });
  await poll(back.activationLink, "activationStatus", "COMPLETE");
  await active(link, 2, 1);

  // Destroy.
  const stranding = await call("DELETE", link, 400);
  assert.match(stranding.type, /\/ca-set-cannot-be-deleted-active-versions$/);
  await change(second, "deactivate", "STAGING");
  await change(first, "deactivate", "PRODUCTION");
  const done = await call("POST", `${first}/deactivate`, 409, { network: "PRODUCTION" });
  assert.match(done.type, /\/ca-set-version-not-active-on-network$/);
  const { associations } = await call("GET", `${link}/associations`, 200);
  assert.deepEqual(associations.properties, []);
  await active(link, null, null);
  await send("DELETE", link, [202]);
  await poll(`${link}/status/delete`, "status", "COMPLETE");
  assert.equal((await call("GET", link, 200)).caSetStatus, "DELETED");
  console.log("done");
}

lifecycle().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
