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
		{"RUN npm config set cafile certs/ca.pem"},
		{"RUN pip config set global.cert ca.pem"},
		{"RUN git config --global http.sslCAInfo=./ca.pem"},
		{"RUN D=/app && npm config set cafile $D/ca.pem"},
		{"RUN mkdir -p /app && cd /app && npm config set cafile $(pwd)/ca.pem"},
		{"RUN mkdir -p /app > /etc/apt/apt.conf"},
		{"RUN usermod -d /app root"},
		{"RUN pip config set global.constraint constraints.txt"},
		{"RUN npm set cafile certs/ca.pem"},
		{`RUN ["/bin/tool", "--root=/app"]`},
		{"RUN <<EOF", "echo 'deb file:/app/repo ./' > /etc/apt/sources.list", "EOF"},
		{"COPY <<EOF /etc/pip.conf", "cert = /app/ca.pem", "EOF"},
		{"RUN echo -I/app/include > /etc/flags"},
		{"RUN cd / && ln -s app/data data"},
		{"RUN ln -s app/data /data"},
		{"RUN mkdir -p /app && cd /app && ln -sr data /data"},
		{"RUN mkdir -p /app && cd /app && ln -s /usr/local/bin tools"},
		{"RUN mkdir -p /app && cd /app && ln data/x /srv/x"},
		{"RUN ln -s /srv /app"},
		{"RUN ln -s -t /srv /app/data"},
		{"RUN cd $X && ln -s /srv/x y"},
		{"RUN mkdir -p /app; cd /app; cd /usr/lib; ln -s /srv/x y"},
		{"RUN cd /app && cd /usr/lib || true; ln -s /srv/x y"},
		{"RUN for d in /app; do cd $d; ln -s /srv/x y; done"},
		{"RUN ln -s python3 $X/python"},
		{"RUN sh -c 'cd / && ln -s app/data data'"},
		{"RUN cd / && cp -a app/data data"},
		{"RUN cd / && echo deb file:app/repo ./ > /etc/apt/sources.list"},
	} {
		wrongs = append(wrongs, refused(preceded(later, lines...), "into /app"), refused(preceded(install, lines...), "into /app"))
	}
	for _, lines := range [][]string{
		{"RUN mkdir -p /app/data && chown -R 1000 /app && cd /app && rm -rf /app/tmp"},
		{"RUN useradd -d /app app"},
		{"RUN npm config set registry https://npm.example.com/a && git config --global user.email a@b.io && npm config set cache /tmp/npm --global"},
		{"RUN echo https://example.com/app > /etc/x && echo /apple /var/app /app-data > /etc/y"},
		{"RUN pip install -r /app/requirements.txt"},
		{"RUN mkdir -p /app && cd /app && ln -s python3 /usr/bin/python && ln -sf ../lib/x /usr/bin/"},
		{"RUN cd /usr/bin && ln -s python3 py && ln -s $JAVA_HOME/bin/java java"},
		{"RUN cd /opt && ln -s app/data data && ln -sfn /opt/x-1 /opt/x"},
		{"RUN mkdir -p /app && cd /app && cd /usr/bin && ln -s python3 py"},
		{"RUN cd /app; cd /usr/local/bin; ln -s a b; if [ -f b ]; then ln -s b c; fi"},
		{"RUN echo /opt/repo >> /etc/apk/repositories"},
		{"COPY <<EOF /etc/pip.conf", "cert = /etc/ca.pem", "EOF"},
	} {
		rights = append(rights, preceded(later, lines...), preceded(install, lines...))
	}
	for _, pair := range []string{
		"REQUESTS_CA_BUNDLE=certs/corp-ca.pem", "NODE_EXTRA_CA_CERTS=ca", "APT_CONFIG=apt.conf", "LD_PRELOAD=lib.so", "BASH_ENV=env", "SSL_CERT_FILE=certs/ca.pem",
		"NODE_OPTIONS='--max-old-space-size=4096 --require ./hook.js'", "GIT_SSH_COMMAND='ssh -F ssh/config'", "LD_LIBRARY_PATH=lib/x", "OUR_CONFIG=config.yml", "PYTHONPATH=.", "SSL_CERT_DIR=certs", "NODE_PATH=/usr/lib/node:lib",
		"LD_LIBRARY_PATH=/usr/local/cuda/lib64:$LD_LIBRARY_PATH", "PYTHONPATH=$PYTHONPATH:/opt/lib",
	} {
		name, _, _ := strings.Cut(pair, "=")
		wrongs = append(wrongs, refused(preceded(later, "ENV "+pair), name+" may lead"), refused(preceded(install, "ENV "+pair), name+" may lead"))
	}
	wrongs = append(wrongs, refused(preceded(install, "ENV APP=/app", "RUN npm config set cafile $APP/certs/ca.pem"), "into /app"), refused(preceded(install, "ENV NODE_EXTRA_CA_CERTS=/app/ca.pem"), "NODE_EXTRA_CA_CERTS may lead"),
		refused(preceded(later, `SHELL ["/app/sh", "-c"]`), "the shell /app/sh"), refused(preceded(install, `SHELL ["bin/sh", "-c"]`), "the shell bin/sh"))
	for _, pair := range []string{"SSL_CERT_FILE=/etc/ssl/certs/ca.pem", "NODE_OPTIONS=--max-old-space-size=4096", "BUILD_CONFIGURATION=Release", "APP_HOME=/srv", "GENERATE_CERT=true", "CONFIG_VERSION=1.2", "LD_LIBRARY_PATH=/usr/local/cuda/lib64"} {
		rights = append(rights, preceded(later, "ENV "+pair), preceded(install, "ENV "+pair))
	}
	wrongs = append(wrongs, refused(preceded(install, "ENV PATH=:$PATH"), "programs are looked for"), refused(preceded(install, "RUN useradd -d /app app", "USER app"), "into /app"))
	wrongs = append(wrongs, refused(splitRun("a split with a setting that names a file of the project", "npm config set cafile certs/ca.pem && npm ci", copyRoot, rootFiles...), "npm config may name"),
		refused(splitRun("a split with a setting that names one from the root", "npm config set cafile /app/ca.pem && npm ci", copyRoot, rootFiles...), "npm config may name"))
	rights = append(rights, splitRun("an install behind a setting", "npm config set registry https://npm.example.com && npm ci", copyRoot, rootFiles...))
	rights = append(rights, preceded(install, `SHELL ["/bin/bash", "-c"]`))
}
