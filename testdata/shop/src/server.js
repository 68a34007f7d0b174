const express = require("express")
const log = require("pino")()

const app = express()
app.get("/health", (req, res) => res.send("ok"))
app.listen(3000, () => log.info("the shop is open"))
