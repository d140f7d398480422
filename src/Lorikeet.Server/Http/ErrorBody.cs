using System.Text.Json;

namespace Lorikeet.Server;

/// <summary>Writes <c>{"error": {"message", "type", "param", "code"}}</c> in OpenAI's words or, where the operator asks for it, in vLLM's.</summary>
internal static class ErrorBody
{
    public static void Write(Utf8JsonWriter json, ApiException error, bool vllm)
    {
        json.WriteStartObject();
        json.WriteStartObject("error");
        json.WriteString("message", error.Message);
        json.WriteString("type", vllm ? error.VllmType ?? VllmType(error.Status) : error.Type);
        json.WriteString("param", error.Param);
        if (vllm)
        {
            json.WriteNumber("code", error.Status);
        }
        else
        {
            json.WriteString("code", error.Code);
        }
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static string VllmType(int status) => status switch
    {
        401 => "AuthenticationError",
        403 => "PermissionDeniedError",
        404 => "NotFoundError",
        429 => "RateLimitError",
        503 => "ServiceUnavailableError",
        >= 500 => "InternalServerError",
        _ => "BadRequestError",
    };
}
