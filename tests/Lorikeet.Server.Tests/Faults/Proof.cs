using Lorikeet.Testing;

namespace Lorikeet.Server.Tests.Faults;

/// <summary>What must hold of a server after a fault: it answers as before, and nothing of its memory is lost.</summary>
internal static class Proof
{
    /// <summary>No request runs or waits, the pool's accounts are right, and once past prompts are forgotten no page is out.</summary>
    public static async Task AllReturnedAsync(TinyServer server)
    {
        EngineInference inference = server.Engine;
        await Wait.UntilAsync(() => server.Server.Parts.Admission.InFlight == 0 && inference.Statistics is { Running: 0, Waiting: 0 });
        Assert.Equal(0, server.Server.Parts.Admission.Waiting);
        Assert.Equal(0, server.Server.Parts.Admission.VectorBytes);
        Assert.Equal(0, inference.Host.InFlight);
        Assert.Null(inference.Host.LastError);
        await inference.Host.AuditAsync();
        await inference.Host.ForgetPrefixesAsync();
        await inference.Host.AuditAsync();
        // The figures are those of the last step.
        await server.CompleteAsync(TinyServer.Base, "z");
        await inference.Host.ForgetPrefixesAsync();
        await server.CompleteAsync(TinyServer.Base, "z");
        Assert.Equal(inference.Statistics.UsedBytes, inference.Statistics.IdleBytes);
        Assert.Equal(0, server.Server.Parts.Store.Gates.Count);
    }

    /// <summary>Managed bytes in use after a full collection.</summary>
    public static long Heap() => GC.GetTotalMemory(forceFullCollection: true);

    /// <summary>The answers of a few requests, bit for bit.</summary>
    public static async Task<string[]> AnswersAsync(TinyServer server, params string[] models)
    {
        List<string> answers = [];
        foreach (string model in models)
        {
            Answer answer = await server.PostAsync(
                "/v1/completions", $$"""{"model":"{{model}}","prompt":"What is the same before and after?","max_tokens":24,"seed":7,"logprobs":3,"ignore_eos":true,"return_token_ids":true}""");
            answers.Add(answer.Ok().GetProperty("choices").GetRawText());
        }
        return [.. answers];
    }
}
