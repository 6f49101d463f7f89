# A login by a code: Relais makes the code and checks it.
#   RELAIS_URL=http://127.0.0.1:3000 API_KEY=... python3 login.py +221771234567
import os, sys, uuid, requests

relais = requests.Session()
relais.headers["Authorization"] = f"Bearer {os.environ['API_KEY']}"
url = f"{os.environ['RELAIS_URL']}/api/verifications"

key = {"Idempotency-Key": str(uuid.uuid4())}  # the same key for every try: one code is sent
started = relais.post(url, json={"to": sys.argv[1]}, headers=key, timeout=10)
if not started.ok: sys.exit(started.json()["detail"])

code = input("Code: ")
checked = relais.post(f"{url}/{started.json()['id']}/check", json={"code": code}, timeout=10)
if not checked.ok or not checked.json()["valid"]: sys.exit(checked.text)
print("Logged in.")
