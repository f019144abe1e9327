// Returns the SHA-256 of the request's API key in hex, or "" if the request has no key. nginx has no directive that does this.
// conf.d/45-keys.conf holds the digests of the keys. https://nginx.org/r/js_set
import crypto from "crypto";

function digest(request) {
    const bearer = /^Bearer +([^ ]+)$/i.exec(request.headersIn.Authorization || "");
    const key = bearer ? bearer[1] : request.headersIn["X-Api-Key"] || request.headersIn["Api-Key"];
    return key ? crypto.createHash("sha256").update(key).digest("hex") : "";
}

export default { digest };
