# A gateway on every Linux client. The join token is a Nomad variable at nomad/jobs/steading-gateway. Not
# tried: there was no Nomad to try it on.

job "steading-gateway" {
  type = "system"

  constraint {
    attribute = "${attr.kernel.name}"
    value     = "linux"
  }

  group "gateway" {
    network {
      port "http" {
        static = 80
        to     = 7080
      }
      port "control" {
        to = 7081
      }
    }

    service {
      name     = "steading-gateway"
      port     = "http"
      provider = "nomad"

      check {
        type     = "http"
        path     = "/ready"
        port     = "control"
        interval = "5s"
        timeout  = "3s"
      }
    }

    task "gateway" {
      driver       = "docker"
      kill_timeout = "45s"

      config {
        image           = "registry.example.org/steading:0.1.0"
        args            = ["gateway", "--control", "0.0.0.0:7081"]
        ports           = ["http", "control"]
        cap_drop        = ["all"]
        readonly_rootfs = true
        security_opt    = ["no-new-privileges"]

        mount {
          type   = "volume"
          source = "steading-gateway"
          target = "/var/lib/steading"
        }
      }

      env {
        STEADING_JOIN_TOKEN_FILE = "${NOMAD_SECRETS_DIR}/join-token"
        STEADING_LOG_FORMAT      = "json"
      }

      template {
        destination = "secrets/join-token"
        data        = "{{ with nomadVar \"nomad/jobs/steading-gateway\" }}{{ .join_token }}{{ end }}"
        uid         = 65532
        perms       = "0400"
      }

      template {
        destination = "local/manager.env"
        data        = "{{ range nomadService 1 (env \"NOMAD_ALLOC_ID\") \"steading-manager\" }}STEADING_MANAGER=http://{{ .Address }}:{{ .Port }}{{ end }}"
        env         = true
      }

      resources {
        cpu        = 250
        memory     = 128
        memory_max = 512
      }
    }
  }
}
