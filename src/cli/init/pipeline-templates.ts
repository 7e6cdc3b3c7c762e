export interface PipelineOptions {
  readonly system: "linux" | "nixos";
}

/** Plans on pull requests and deploys what is merged, by GitHub Actions. */
export function githubTemplate({ system }: PipelineOptions): string {
  const nix = system === "nixos" ? "      - uses: cachix/install-nix-action@v31\n\n" : "";
  return `# Shows on every pull request what it would change on the hosts, and deploys what is merged. skep is the one that
# package-lock.json names: npm install --save-dev, and commit both files.
#
# It needs keys of its own, and whoever has them is in command of the hosts: for planning, too, one logs in as root.
# - ssh-keygen -t ed25519 -N "" -f skep-ci: the private half is the secret SKEP_SSH_KEY, the public half goes to
#   authorized_keys of the hosts
# - age-keygen: the AGE-SECRET-KEY-1… is the secret SKEP_AGE_KEY, the public key goes to the admins in
#   secrets/secrets.ts; then skep secrets rekey. Only a deployment needs it, and only for what the operator opens
# - the hosts' lines of your known_hosts are the variable SKEP_KNOWN_HOSTS
# Put the secrets into the environment "production", and let that be used by the default branch only. A branch that
# anybody pushes can read the repository's own secrets: where all who may push are trusted with the hosts, make a
# second SKEP_SSH_KEY one of these, and pull requests are planned. Without it they are only built.
name: skep

on:
  pull_request:
  push:
    branches: [main, master]

permissions:
  contents: read

# One after another, and none is ended in the middle.
concurrency:
  group: skep-\${{ github.ref }}

jobs:
  skep:
    # A pull request of a fork is given no secrets, and could not log in.
    if: github.event_name == 'push' || github.event.pull_request.head.repo.full_name == github.repository
    runs-on: ubuntu-latest
    environment: \${{ github.event_name == 'push' && 'production' || '' }}
    steps:
      - uses: actions/checkout@v4
        with:
          persist-credentials: false

      - uses: actions/setup-node@v4
        with:
          node-version: 22

${nix}      - name: Install skep
        run: npm ci --no-audit --no-fund

      # The login key goes to an agent's memory, and nothing to a disk.
      - name: Take keys
        env:
          SSH_KEY: \${{ secrets.SKEP_SSH_KEY }}
          AGE_KEY: \${{ github.event_name == 'push' && secrets.SKEP_AGE_KEY || '' }}
          KNOWN_HOSTS: \${{ vars.SKEP_KNOWN_HOSTS }}
        run: |
          memory=$(mktemp -d -p /dev/shm skep.XXXXXX)
          echo "SKEP_CI_MEMORY=$memory" >> "$GITHUB_ENV"
          printf '%s\\n' "$KNOWN_HOSTS" > "$memory/known_hosts"
          if [ -n "$SSH_KEY" ]; then
            eval "$(ssh-agent -s -a "$memory/agent")" > /dev/null
            printf '%s\\n' "$SSH_KEY" | ssh-add -q -
            { echo "SSH_AUTH_SOCK=$SSH_AUTH_SOCK"; echo "SSH_AGENT_PID=$SSH_AGENT_PID"; } >> "$GITHUB_ENV"
          fi
          if [ -n "$AGE_KEY" ]; then
            (umask 077; printf '%s\\n' "$AGE_KEY" > "$memory/identity")
            echo "SKEP_IDENTITY=$memory/identity" >> "$GITHUB_ENV"
          fi

      - name: Plan
        if: github.event_name == 'pull_request'
        run: |
          if [ -n "\${SSH_AGENT_PID:-}" ]; then
            ./node_modules/.bin/skep ci --known-hosts "$SKEP_CI_MEMORY/known_hosts"
          else
            ./node_modules/.bin/skep build
          fi

      - name: Deploy
        if: github.event_name == 'push'
        run: ./node_modules/.bin/skep ci --deploy --known-hosts "$SKEP_CI_MEMORY/known_hosts"

      - name: Forget keys
        if: always()
        run: |
          if [ -n "\${SSH_AGENT_PID:-}" ]; then kill "$SSH_AGENT_PID" || true; fi
          if [ -n "\${SKEP_CI_MEMORY:-}" ]; then rm -rf "$SKEP_CI_MEMORY"; fi

      - uses: actions/upload-artifact@v4
        if: always()
        with:
          name: skep
          path: skep-ci
          if-no-files-found: ignore
`;
}

/** Plans on merge requests and deploys what is merged, by GitLab. `ci/gitlab.yml` is the one for Linux. */
export function gitlabTemplate({ system }: PipelineOptions): string {
  const nix =
    system === "nixos"
      ? `    - apt-get update -qq && apt-get install -qq --yes nix-bin
    - export NIX_CONFIG="experimental-features = nix-command flakes"
`
      : "";
  return `# Shows on every merge request what it would change on the hosts, and deploys what is merged. skep is the one that
# package-lock.json names: npm install --save-dev, and commit both files.
#
# It needs keys of its own, and whoever has them is in command of the hosts: for planning, too, one logs in as root.
# Variables of the project:
# - SKEP_SSH_KEY, masked and protected, for the environment "production": ssh-keygen -t ed25519 -N "" -f skep-ci, and
#   then what base64 -w0 skep-ci prints. The public half goes to authorized_keys of the hosts
# - SKEP_AGE_KEY, masked and protected, for the environment "production", where the operator opens secrets: the
#   AGE-SECRET-KEY-1… of age-keygen. The public key goes to the admins in secrets/secrets.ts; then skep secrets rekey
# - SKEP_KNOWN_HOSTS, of type file: the hosts' lines of your known_hosts
# - SKEP_PLAN_SSH_KEY, masked and not protected: another such key, with which merge requests are planned. Branches that
#   are not protected get no protected variables, and this one is read by whoever may push a branch. Make it only where
#   all of these are trusted with the hosts, and let it in from the runners only: in authorized_keys
#   restrict,from="ADDRESS" ssh-ed25519 AAAA…. Without it merge requests are only built
# SKEP_ARGUMENTS may have more arguments of skep ci, with spaces between.
variables:
  SKEP: ./node_modules/.bin/skep

.skep:
  image: node:22-bookworm
  # In the middle of a deployment nobody ends it, and there is one at a time.
  interruptible: false
  resource_group: skep
  before_script:
${nix}    - npm ci --no-audit --no-fund
    # The login key goes to an agent's memory, and nothing to a disk.
    - memory="/dev/shm/skep-$CI_JOB_ID"
    - mkdir -m 700 "$memory"
    - key="\${SKEP_SSH_KEY:-\${SKEP_PLAN_SSH_KEY:-}}"
    - if [ -n "$key" ]; then eval "$(ssh-agent -s -a "$memory/agent")" > /dev/null; fi
    - if [ -n "$key" ]; then echo "$SSH_AGENT_PID" > "$memory/pid"; fi
    - if [ -n "$key" ]; then printf %s "$key" | base64 -d | ssh-add -q -; fi
    - if [ -n "\${SKEP_AGE_KEY:-}" ]; then printf '%s\\n' "$SKEP_AGE_KEY" > "$memory/identity"; fi
    - if [ -n "\${SKEP_AGE_KEY:-}" ]; then export SKEP_IDENTITY="$memory/identity"; fi
  after_script:
    - if [ -e "/dev/shm/skep-$CI_JOB_ID/pid" ]; then kill "$(cat "/dev/shm/skep-$CI_JOB_ID/pid")" || true; fi
    - rm -rf "/dev/shm/skep-$CI_JOB_ID"
  artifacts:
    when: always
    paths: [skep-ci/]
    reports:
      junit: skep-ci/junit.xml
    expire_in: 30 days

skep plan:
  extends: .skep
  rules:
    - if: $CI_PIPELINE_SOURCE == "merge_request_event"
  script:
    - if [ -z "$key" ]; then $SKEP build; fi
    - if [ -n "$key" ]; then $SKEP ci --known-hosts "$SKEP_KNOWN_HOSTS" \${SKEP_ARGUMENTS:-}; fi

skep deploy:
  extends: .skep
  rules:
    - if: $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH
  # Who may approve a deployment is said of the environment, as a protected one.
  environment: production
  script:
    - $SKEP ci --deploy --known-hosts "$SKEP_KNOWN_HOSTS" \${SKEP_ARGUMENTS:-}
`;
}
