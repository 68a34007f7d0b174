package validate

import "strings"

// preceded is a rewriting with lines in front of the WORKDIR of its stage.
func preceded(rw rewriting, lines ...string) rewriting {
	rw.before = strings.Replace(rw.before, "WORKDIR /app\n", strings.Join(lines, "\n")+"\nWORKDIR /app\n", 1)
	rw.name += " behind " + lines[0]
	return rw
}

func init() {
	later := laterThan("a copy", "apt-get update && apt-get install -y ourtool")
	install := splitRun("an install", "npm ci", copyRoot, rootFiles...)
	for _, lines := range [][]string{
		{`RUN echo "deb [trusted=yes] file:/app/repo ./" > /etc/apt/sources.list.d/local.list`},
		{`RUN echo "deb file:///app/repo ./" | tee /etc/apt/sources.list.d/local.list`},
		{"RUN echo /app/repo >> /etc/apk/repositories"},
		{"RUN ln -s /app/sources.list /etc/apt/sources.list"},
		{"RUN ln -s ../../app/sources.list /etc/apt/sources.list"},
		{"RUN npm config set cafile /app/certs/ca.pem"},
		{"RUN echo cafile=/app/certs/ca.pem >> ~/.npmrc"},
		{"RUN git config --global http.sslCAInfo /app/ca.pem"},
		{"RUN pip config set global.cert /app/corp-ca.pem"},
		{"RUN pip install -e /app"},
		{"RUN D=/app && npm config set cafile $D/ca.pem"},
		{"RUN mkdir -p /app && cd /app && npm config set cafile $(pwd)/ca.pem"},
		{"RUN mkdir -p /app > /etc/apt/apt.conf"},
		{`RUN ["/bin/tool", "--root=/app"]`},
		{"RUN <<EOF", "echo 'deb file:/app/repo ./' > /etc/apt/sources.list", "EOF"},
		{"COPY <<EOF /etc/pip.conf", "cert = /app/ca.pem", "EOF"},
		{"RUN echo -I/app/include > /etc/flags"},
	} {
		wrongs = append(wrongs, refused(preceded(later, lines...), "names /app"), refused(preceded(install, lines...), "names /app"))
	}
	for _, lines := range [][]string{
		{"RUN mkdir -p /app/data && chown -R 1000 /app && cd /app && rm -rf /app/tmp"},
		{"RUN useradd -d /app app"},
		{"RUN echo https://example.com/app > /etc/x && echo /apple /var/app /app-data > /etc/y"},
		{"RUN pip install -r /app/requirements.txt"},
		{"RUN echo /opt/repo >> /etc/apk/repositories"},
		{"COPY <<EOF /etc/pip.conf", "cert = /etc/ca.pem", "EOF"},
	} {
		rights = append(rights, preceded(later, lines...), preceded(install, lines...))
	}
	for _, pair := range []string{
		"REQUESTS_CA_BUNDLE=certs/corp-ca.pem", "NODE_EXTRA_CA_CERTS=ca", "APT_CONFIG=apt.conf", "LD_PRELOAD=lib.so", "BASH_ENV=env", "SSL_CERT_FILE=certs/ca.pem",
		"NODE_OPTIONS='--max-old-space-size=4096 --require ./hook.js'", "GIT_SSH_COMMAND='ssh -F ssh/config'", "LD_LIBRARY_PATH=lib/x", "OUR_CONFIG=config.yml",
	} {
		name, _, _ := strings.Cut(pair, "=")
		wrongs = append(wrongs, refused(preceded(later, "ENV "+pair), name+" may lead"), refused(preceded(install, "ENV "+pair), name+" may lead"))
	}
	wrongs = append(wrongs, refused(preceded(install, "ENV APP=/app", "RUN npm config set cafile $APP/certs/ca.pem"), "names /app"), refused(preceded(install, "ENV NODE_EXTRA_CA_CERTS=/app/ca.pem"), "NODE_EXTRA_CA_CERTS may lead"),
		refused(preceded(later, `SHELL ["/app/sh", "-c"]`), "the shell /app/sh"), refused(preceded(install, `SHELL ["bin/sh", "-c"]`), "the shell bin/sh"))
	for _, pair := range []string{"SSL_CERT_FILE=/etc/ssl/certs/ca.pem", "NODE_OPTIONS=--max-old-space-size=4096", "BUILD_CONFIGURATION=Release", "APP_HOME=/srv", "GENERATE_CERT=true", "CONFIG_VERSION=1.2"} {
		rights = append(rights, preceded(later, "ENV "+pair), preceded(install, "ENV "+pair))
	}
	rights = append(rights, preceded(install, `SHELL ["/bin/bash", "-c"]`))
}
