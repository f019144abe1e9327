// The one thing that nginx cannot do by itself: the SHA-256 of the key that a request brings, in hex; empty for none.
// The configuration knows keys by this digest alone (conf.d/45-keys.conf).
import crypto from "crypto";

function digest(request) {
    const bearer = /^Bearer +([^ ]+)$/i.exec(request.headersIn.Authorization || "");
    const key = bearer ? bearer[1] : request.headersIn["X-Api-Key"];
    return key ? crypto.createHash("sha256").update(key).digest("hex") : "";
}

export default { digest };
